/// <reference lib="deno.worker" />
/** A thread of peers that talk until their socket closes. Started by `wire_test.ts` with an address; tells the close codes. */

import { systemClock } from "../../lib/base/clock.ts";
import { CLOSED_ABNORMALLY } from "../../lib/base/wire.ts";
import { vendorDial } from "../../lib/providers/socket.ts";

const EVERY_MS = 5;
const dial = vendorDial({ clock: systemClock, kind: "ws" });

async function talk(url: string): Promise<number> {
  const dialled = await dial({ peer: "cartesia", url, headers: {} }, new AbortController().signal);
  if (!dialled.ok) return CLOSED_ABNORMALLY;
  const wire = dialled.value;
  return await new Promise((resolve) => {
    const talking = setInterval(() => wire.send("x".repeat(400)), EVERY_MS);
    wire.listen({
      text() {},
      binary() {},
      close(code) {
        clearInterval(talking);
        resolve(code);
      },
      crashed: reportError,
    });
  });
}

self.onmessage = async ({ data: { url, peers } }: MessageEvent<{ url: string; peers: number }>) => {
  self.postMessage(await Promise.all(Array.from({ length: peers }, () => talk(url))));
};
