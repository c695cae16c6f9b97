/** One clock for several processes of one machine, in ms with a fraction, and how far two of them disagree. */

/** This process's view of the machine's clock. Starts at the wall clock, then runs monotonically. */
export const machineMs = (): number => performance.timeOrigin + performance.now();

const EXCHANGES = 200;
/** In a slow network fewer have to do. */
const EXCHANGING_MS = 2000;
const DEADLINE_MS = 5000;

/** Answer each byte with the time, on a free port of loopback. */
export function serveClock(): { port: number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answer = async (conn: Deno.TcpConn) => {
    conn.setNoDelay(true);
    const byte = new Uint8Array(1);
    while (await conn.read(byte) !== null) await conn.write(new Uint8Array(Float64Array.of(machineMs()).buffer));
  };
  const accept = async () => {
    for await (const conn of listener) answer(conn).catch(() => conn.close());
  };
  accept().catch(() => {});
  return { port: listener.addr.port };
}

/** What to add to our `machineMs` to get the other's: taken from the quickest of up to 200 exchanges, so half its `tripMs` is the doubt. */
export async function clockOffset(port: number): Promise<{ offsetMs: number; tripMs: number }> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const giveUp = setTimeout(() => conn.close(), DEADLINE_MS);
  conn.setNoDelay(true);
  const theirs = new Uint8Array(8);
  let best = { offsetMs: 0, tripMs: Infinity };
  const untilMs = machineMs() + EXCHANGING_MS;
  for (let i = 0; i < EXCHANGES && machineMs() < untilMs; i++) {
    const before = machineMs();
    await conn.write(Uint8Array.of(1));
    await conn.read(theirs); // eight bytes on loopback come in one piece
    const after = machineMs();
    const tripMs = after - before;
    if (tripMs < best.tripMs) {
      best = { offsetMs: new Float64Array(theirs.buffer)[0]! - (before + after) / 2, tripMs };
    }
  }
  clearTimeout(giveUp);
  return best;
}
