/** Counts the sockets that a provider opens and closes, for the promise that nothing it opened stays behind. */

import type { Dial } from "../../lib/base/dial.ts";
import type { Wire } from "../../lib/base/wire.ts";

/** A `Dial` that knows how many of its sockets are open. */
export interface CountedDial {
  dial: Dial;
  /** Sockets open at this moment, as their client sees it. */
  open: number;
  /** Sockets opened since the start. */
  opened: number;
}

/** `dial` with its sockets counted. */
export function countWires(dial: Dial): CountedDial {
  const counted: CountedDial = {
    open: 0,
    opened: 0,
    dial: async (request, signal) => {
      const dialled = await dial(request, signal);
      return dialled.ok ? { ok: true, value: counting(dialled.value, counted) } : dialled;
    },
  };
  return counted;
}

function counting(wire: Wire, counted: CountedDial): Wire {
  counted.open++;
  counted.opened++;
  let isOpen = true;
  const gone = () => {
    if (isOpen) counted.open--;
    isOpen = false;
  };
  return {
    get bufferedBytes() {
      return wire.bufferedBytes;
    },
    send: (data) => wire.send(data),
    close: (code, reason) => wire.close(code, reason),
    terminate() {
      gone();
      wire.terminate();
    },
    listen: (events) =>
      wire.listen({
        text: (text) => events.text(text),
        binary: (bytes) => events.binary(bytes),
        crashed: (error) => events.crashed(error),
        close(code, reason) {
          gone();
          events.close(code, reason);
        },
      }),
  };
}
