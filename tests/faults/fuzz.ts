/** `deno task fuzz [COUNT] [SEED]`: so many messages in all, to every peer's client; exit 1 on a finding. */

import { fuzzChat, type FuzzReport, fuzzSocket, type SocketPeer, SOCKETS } from "./fuzz_peers.ts";

const [total = 1_000_000, seed = 1] = Deno.args.map(Number);
const peers = [...Object.keys(SOCKETS) as SocketPeer[], "chat"] as const;
const each = Math.ceil(total / peers.length);
let findings = 0;
for (const peer of peers) {
  const beforeMb = heapMb();
  const startMs = performance.now();
  const report: FuzzReport = peer === "chat" ? await fuzzChat(each, seed) : await fuzzSocket(peer, each, seed);
  findings += report.findings.length;
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(
    `${peer.padEnd(9)} ${report.messages} messages, ${report.reopened} given up, heap ${beforeMb} -> ${heapMb()} MB, ` +
      `${seconds} s, ${report.findings.length} findings`,
  );
  for (const finding of report.findings) console.log(`  ${finding}`);
}
if (findings > 0) Deno.exit(1);

function heapMb(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return Math.round(Deno.memoryUsage().heapUsed / 1e6);
}
