/** Counts what one call uses of its vendors, for the estimate of its cost. What an answer has cost that was called off is unknown. */

import { BYTES_PER_MS } from "../audio/frame.ts";
import type { ChatPart, Llm, OpenStt, Stt, Tts } from "./ports.ts";

export interface Used {
  sttSeconds: number;
  voiceCharacters: number;
  promptTokens: number;
  completionTokens: number;
}

export class UsageMeter {
  readonly #used: Used = { sttSeconds: 0, voiceCharacters: 0, promptTokens: 0, completionTokens: 0 };
  #heardBytes = 0;

  get used(): Used {
    return { ...this.#used, sttSeconds: this.#heardBytes / BYTES_PER_MS / 1000 };
  }

  /** The same recogniser, counted. So are the others below. */
  stt(open: OpenStt): OpenStt {
    return (listen, opened): Stt => {
      const stt = open(listen, opened);
      return {
        hear: (frame) => {
          this.#heardBytes += frame.length;
          stt.hear(frame);
        },
        finish: () => stt.finish(),
        [Symbol.asyncDispose]: () => stt[Symbol.asyncDispose](),
      };
    };
  }

  llm(llm: Llm): Llm {
    return {
      name: llm.name,
      chat: (request, signal) => this.#chat(llm.chat(request, signal)),
      extract: (request, signal) => llm.extract(request, signal),
      models: (signal) => llm.models(signal),
    };
  }

  tts(tts: Tts): Tts {
    return {
      name: tts.name,
      speak: (text, signal) => tts.speak(this.#spoken(text), signal),
      [Symbol.asyncDispose]: () => tts[Symbol.asyncDispose](),
    };
  }

  async *#chat(parts: AsyncIterable<ChatPart>): AsyncIterable<ChatPart> {
    for await (const part of parts) {
      if (part.kind === "finish" && part.usage) {
        this.#used.promptTokens += part.usage.promptTokens;
        this.#used.completionTokens += part.usage.completionTokens;
      }
      yield part;
    }
  }

  async *#spoken(text: AsyncIterable<string>): AsyncIterable<string> {
    for await (const piece of text) {
      this.#used.voiceCharacters += piece.length;
      yield piece;
    }
  }
}
