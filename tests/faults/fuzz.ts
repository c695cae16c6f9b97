/** `deno task fuzz [COUNT] [SEED]`: so many messages to each peer's client; exit 1 on a finding. */

import { fuzzChat, type FuzzReport, fuzzSocket, type SocketPeer, SOCKETS } from "./fuzz_peers.ts";

const [each = 1_000_000, seed = 1] = Deno.args.map(Number);
const peers = [...Object.keys(SOCKETS) as SocketPeer[], "chat"] as const;
let findings = 0;
for (const peer of peers) {
  const startMs = performance.now();
  const report: FuzzReport = peer === "chat" ? await fuzzChat(each, seed) : await fuzzSocket(peer, each, seed);
  findings += report.findings.length;
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(
    `${peer.padEnd(9)} ${report.messages} messages to ${report.reopened + 1} clients, ${report.probed} of them asked ` +
      `whether frames still pass, heap +${report.heapGrowthMb} MB at most, ${seconds} s, ${report.findings.length} findings`,
  );
  for (const finding of report.findings) console.log(`  ${finding}`);
}
if (findings > 0) Deno.exit(1);
