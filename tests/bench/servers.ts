/** What is measured: our own server as a child, the peer, or a server that runs already. */

import { Child } from "./child.ts";
import { hasProgram } from "./machine.ts";

export interface ServerPlan {
  port: number;
  /** Where all vendors are: `ws://127.0.0.1:5001`. */
  vendors: string;
  /** Where prepared lines are spoken, if not there. */
  speakUrl?: string;
  core: number | undefined;
  /** Folder of this run: configuration, certificates. */
  folder: string;
  /** PEM file of the authority that signed the agent's certificate. */
  authority?: string;
}

/** A server that can be started. */
export interface Contender {
  name: string;
  start: (plan: ServerPlan) => Child;
}

const ROOT = new URL("../../", import.meta.url).pathname;

const AGENT = {
  engine: "agent",
  prompt: "You answer the phone.",
  agent: {
    listen: { provider: { type: "deepgram", model: "nova-3" } },
    think: [{ provider: { type: "open_ai", model: "gpt-4o-mini" } }],
    speak: [{ provider: { type: "deepgram", model: "aura-2-thalia-en" } }],
  },
};

/** The pipeline, with the vendors of the example configuration. It finds no facts: that is no part of the line, and the agent engine has no model here to find any. */
const PIPELINE = {
  engine: "pipeline",
  extraction: { summary: false },
  prompt: "You answer the phone.",
  pipeline: {
    listen: { provider: { type: "deepgram", model: "nova-3" } },
    think: [{ provider: { type: "groq", model: "openai/gpt-oss-20b" } }],
    speak: [{ provider: { type: "cartesia", model_id: "sonic-3.5", voice: "f786b574-daa5-4673-aa0c-cbe3e8534c02" } }],
  },
};

/** Without a public host it takes any number of unsigned calls, as a rehearsal; all vendors are ours. */
function environment({ port, vendors, speakUrl, authority }: ServerPlan): Record<string, string> {
  return {
    PORT: String(port),
    BIND: "127.0.0.1",
    MAX_CALLS: "5000",
    DRAIN_SECONDS: "1",
    DEEPGRAM_API_KEY: "bench",
    DEEPGRAM_AGENT_URL: `${vendors}/v1/agent/converse`,
    DEEPGRAM_LISTEN_URL: `${vendors}/v1/listen`,
    DEEPGRAM_SPEAK_URL: speakUrl ?? `${vendors}/v1/speak`,
    ...(authority ? { DENO_CERT: authority, NODE_EXTRA_CA_CERTS: authority } : {}),
  };
}

/** Where the pipeline finds voice and model. */
function pipelineEnvironment({ vendors }: ServerPlan): Record<string, string> {
  return {
    CARTESIA_API_KEY: "bench",
    CARTESIA_URL: vendors,
    LLM_API_KEY: "bench",
    LLM_BASE_URL: `${vendors.replace(/^ws/, "http")}/v1`,
  };
}

export interface OurWay {
  engine?: "agent" | "pipeline";
  /** Hold the event loop up on purpose. */
  stall?: { ms: number; everySeconds: number } | undefined;
  /** An executable, instead of the sources. */
  executable?: string | undefined;
}

/** What `deno task start` gives Deno before the program: permissions, and flags of V8. */
export function startFlags(): string[] {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`)) as {
    tasks: { start: { command: string } };
  };
  const [, ...words] = tasks.start.command.split(" ");
  return words.slice(0, words.indexOf("main.ts"));
}

/** Ours: as `deno task start` runs it, unless said otherwise. */
export function ours({ engine = "agent", stall, executable }: OurWay = {}): Contender {
  const program = stall
    ? [`${ROOT}tests/bench/stalled_server.ts`, String(stall.ms), String(stall.everySeconds)]
    : [`${ROOT}main.ts`, "serve"];
  const command = executable ? [executable, "serve"] : [Deno.execPath(), ...startFlags(), ...program];
  return {
    name: "offhook",
    start(plan) {
      Deno.writeTextFileSync(
        `${plan.folder}/config.json`,
        JSON.stringify(engine === "agent" ? AGENT : PIPELINE),
      );
      const { core, folder } = plan;
      const env = { ...environment(plan), ...(engine === "pipeline" ? pipelineEnvironment(plan) : {}) };
      return new Child({ name: "server", command, core, cwd: folder, env, bare: true });
    },
  };
}

/** The common Node server. @returns why it cannot be had, if so. */
export async function nodePeer(folder: string): Promise<Contender | { problem: string }> {
  for (const program of ["node", "npm"]) {
    if (!await hasProgram(program, ["--version"])) return { problem: `--peer needs ${program}, which is not here.` };
  }
  const home = `${folder}/peer`;
  Deno.mkdirSync(home);
  for (const file of ["package.json", "node_server.mjs"]) {
    Deno.copyFileSync(`${ROOT}tests/bench/peers/${file}`, `${home}/${file}`);
  }
  const { success, stderr } = await new Deno.Command("npm", {
    args: ["install", "--no-audit", "--no-fund", "--loglevel=error"],
    cwd: home,
    stdout: "null",
    signal: AbortSignal.timeout(120_000),
  }).output();
  if (!success) return { problem: `npm could not install the peer:\n${new TextDecoder().decode(stderr)}` };
  return {
    name: "peer",
    start: (plan) =>
      new Child({
        name: "peer",
        command: ["node", `${home}/node_server.mjs`],
        core: plan.core,
        cwd: home,
        env: environment(plan),
        bare: true,
      }),
  };
}

/** In the peer's place: what the runtime itself costs, with the same flags. */
export function bareBridge(): Contender {
  const command = [Deno.execPath(), ...startFlags(), `${ROOT}tests/bench/bare_bridge.ts`];
  return {
    name: "peer",
    start: (plan) =>
      new Child({ name: "bridge", command, core: plan.core, cwd: plan.folder, env: environment(plan), bare: true }),
  };
}

/** A certificate for 127.0.0.1, signed by an authority made for this run. @returns why not, if so. */
export async function testCertificate(
  folder: string,
): Promise<{ authority: string; cert: string; key: string } | { problem: string }> {
  if (!await hasProgram("openssl", ["version"])) return { problem: "--tls needs openssl, which is not here." };
  const run = async (args: string[]) => {
    const { success, stderr } = await new Deno.Command("openssl", { args, cwd: folder, stdout: "null" }).output();
    if (!success) throw new Error(`openssl ${args[0]}: ${new TextDecoder().decode(stderr)}`);
  };
  const key = ["-newkey", "rsa:2048", "-nodes", "-days", "2"];
  await run(["req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Bench authority"]);
  await run(["req", "-new", ...key.slice(0, 3), "-keyout", "agent.key", "-out", "agent.csr", "-subj", "/CN=127.0.0.1"]);
  Deno.writeTextFileSync(`${folder}/agent.ext`, "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
  const signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "agent.ext"];
  await run(["x509", "-req", "-in", "agent.csr", ...signing, "-out", "agent.pem"]);
  return {
    authority: `${folder}/ca.pem`,
    cert: Deno.readTextFileSync(`${folder}/agent.pem`),
    key: Deno.readTextFileSync(`${folder}/agent.key`),
  };
}

export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
