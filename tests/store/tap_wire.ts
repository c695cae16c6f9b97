/** A carrier's socket with a recorder listening on it: reads the messages both ways, as the hook in the line will tell them. */

import type { Wire } from "../../lib/base/wire.ts";
import type { LineTap } from "../../lib/store/recording.ts";

export function tapWire(wire: Wire, tap: LineTap): Wire {
  return {
    get bufferedBytes() {
      return wire.bufferedBytes;
    },
    send(data) {
      const message = JSON.parse(String(data));
      if (message.event === "media") tap.sent(Uint8Array.fromBase64(message.media.payload));
      if (message.event === "mark") tap.marked(message.mark.name);
      if (message.event === "clear") tap.cleared();
      wire.send(data);
    },
    close: (code, reason) => wire.close(code, reason),
    terminate: () => wire.terminate(),
    listen: (events) =>
      wire.listen({
        ...events,
        text(text) {
          const message = JSON.parse(text);
          if (message.event === "media") {
            tap.caller(Number(message.media.timestamp), Uint8Array.fromBase64(message.media.payload));
          }
          if (message.event === "mark") tap.echoed(message.mark.name);
          events.text(text);
        },
      }),
  };
}
