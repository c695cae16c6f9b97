import { chatLlm } from "../../lib/providers/chat_llm.ts";
import { chatStandIn } from "../../lib/rehearsal/chat.ts";
import { seeded } from "../case.ts";
import { VirtualClock } from "../sim/clock.ts";
import { ARGUMENTS, llmContract, type LlmRig, type LlmScene, OBJECT, SAYS } from "./llm.ts";

const MODELS: Partial<Record<LlmScene, string>> = {
  "unauthorized": "e401",
  "busy": "e429",
  "broken": "e503",
  "error-midway": "mid-error",
  "cut": "cut",
  "reset": "reset",
  "slow": "slow",
  "stall": "stall",
};

type Face = {
  type: string;
  path: string;
  model: string;
  reasoningField: "reasoning" | "reasoning_content" | "content";
  crlf: boolean;
};

function rig(scene: LlmScene, { type, path, model, ...face }: Face): LlmRig {
  const clock = new VirtualClock();
  const key = "gsk_secret0123456789";
  const standIn = chatStandIn({
    clock,
    random: seeded(scene.length),
    key: scene === "unauthorized" ? "another" : key,
    ...face,
    answer: () => ({
      reasoning: "They want a table. Let me think about which one.",
      text: scene === "object" ? JSON.stringify(OBJECT) : SAYS,
      ...(scene === "tools"
        ? { calls: Object.entries(ARGUMENTS).map(([name, json]) => ({ name, arguments: json })) }
        : {}),
    }),
  });
  const llm = chatLlm({
    fetch: scene === "unreachable" ? () => Promise.reject(new TypeError("dns error")) : standIn.fetch,
    clock,
    baseUrl: `http://model.test${path}`,
    key,
    provider: { type, model: MODELS[scene] ?? model },
  });
  return { clock, llm, key, openRequests: standIn.open };
}

const FACES: Record<string, Face> = {
  "chat on Groq": {
    type: "groq",
    path: "/openai/v1",
    model: "openai/gpt-oss-20b",
    reasoningField: "reasoning",
    crlf: false,
  },
  "chat on OpenAI": {
    type: "open_ai",
    path: "/v1",
    model: "gpt-4.1-mini",
    reasoningField: "reasoning_content",
    crlf: true,
  },
  "chat self-hosted": { type: "vllm", path: "/v1/", model: "qwen/qwen3.8-27b", reasoningField: "content", crlf: false },
};
for (const [name, face] of Object.entries(FACES)) llmContract(name, (scene) => rig(scene, face));
