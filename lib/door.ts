/** The port: open as soon as the configuration is known, while the house behind it is still being built. */

import { settledWithin, sleep, systemClock } from "./base/clock.ts";
import { messageOf } from "./base/result.ts";
import type { Health } from "./health.ts";

/** Answers one request. */
export type Answer = (request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>) => Response | Promise<Response>;

export interface Door extends AsyncDisposable {
  port: number;
  /** Somebody has asked for our health. */
  asked: Promise<void>;
  /** From now on `answer` answers everything, first what has waited for it. */
  open: (answer: Answer) => void;
}

export interface DoorOptions {
  port: number;
  bind: string;
  /** What `/health` answers until the door is open: calls are taken already, they only wait a moment. */
  health: () => Health;
}

/** How long the listener may take to close at the very end. */
const SHUTDOWN_MS = 1000;
/** A listener of Deno's ends for good when the process is out of file descriptors for a moment: so soon there is another. */
const AGAIN_MS = 250;

/** Listen, on a free port if `port` is 0. @returns what is wrong if the port cannot be had. */
export function listen({ port, bind, health }: DoorOptions): Door | { problem: string } {
  const opened = Promise.withResolvers<Answer>();
  const asked = Promise.withResolvers<void>();
  let answer: Answer | undefined;
  const serve = (port: number): Deno.HttpServer<Deno.NetAddr> =>
    Deno.serve({ port, hostname: bind, onListen: () => {} }, (request, info) => {
      if (answer) return answer(request, info);
      if (asksForHealth(request)) {
        asked.resolve();
        return Response.json(health());
      }
      return opened.promise.then((answer) => answer(request, info));
    });
  let listener: Deno.HttpServer<Deno.NetAddr>;
  try {
    listener = serve(port);
  } catch (error) {
    return { problem: explainListenError(error, port, bind) };
  }
  const ownPort = listener.addr.port;
  const closing = new AbortController();
  const listenAgain = (): boolean => {
    try {
      listener = serve(ownPort);
      return true;
    } catch {
      return false; // still none
    }
  };
  const keepListening = async () => {
    while (!closing.signal.aborted) {
      await listener.finished.catch(reportError);
      do await sleep(systemClock, AGAIN_MS, closing.signal); while (!listenAgain());
    }
  };
  keepListening().catch(() => {}); // we close
  return {
    port: ownPort,
    asked: asked.promise,
    open: (given) => opened.resolve(answer = given),
    async [Symbol.asyncDispose]() {
      closing.abort();
      await settledWithin(systemClock, SHUTDOWN_MS, listener.shutdown());
    },
  };
}

function asksForHealth({ method, url }: Request): boolean {
  return method === "GET" && URL.parse(url)?.pathname === "/health"; // the host may be none
}

function explainListenError(error: unknown, port: number, bind: string): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return `Port ${port} is in use, perhaps by another Offhook. Stop that one, or choose another with --port or PORT.`;
  }
  return `Cannot listen on port ${port} of BIND ${bind}: ${messageOf(error)}`;
}
