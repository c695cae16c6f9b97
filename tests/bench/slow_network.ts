/**
 * A network of its own whose loopback is slow, for a command run in it: by netem, or without that by a device (TUN) that
 * gives each packet back to the kernel later. Linux, root.
 */

import { hasProgram } from "./machine.ts";

/** Loopback is `lo` itself, slowed. */
const netem = (ms: number) => `ip link set lo up && tc qdisc add dev lo root netem delay ${ms}ms`;

/**
 * What is sent to 127.0.0.0/8 leaves by the device `slow` instead, and what comes in from there is taken in, though it is
 * from and to ourselves: the table of local addresses is asked after ours, and the kernel's doubts are switched off.
 */
const DEVICE = "slow";
const TABLE = 40;
const tun = `ip link set lo up && ip tuntap add dev ${DEVICE} mode tun && ip link set ${DEVICE} up mtu 65535 &&
  cd /proc/sys/net/ipv4/conf &&
  for each in all ${DEVICE}; do
    echo 1 > $each/route_localnet && echo 1 > $each/accept_local && echo 0 > $each/rp_filter
  done && cd - > /dev/null &&
  ip rule add pref 100 lookup local && ip rule add pref 10 iif lo to 127.0.0.0/8 lookup ${TABLE} && ip rule del pref 0 &&
  ip route add 127.0.0.0/8 dev ${DEVICE} src 127.0.0.1 table ${TABLE}`;

/** @returns `command`, to be run in a network with `ms` of delay each way, or undefined where none can be had. */
export async function inSlowNetwork(ms: number, command: string[]): Promise<string[] | undefined> {
  const run = (setup: string) => ["unshare", "-n", "sh", "-c", `${setup} && exec "$0" "$@"`, ...command];
  if (await hasProgram("unshare", ["-n", "sh", "-c", netem(ms)])) return run(netem(ms));
  if (!await hasProgram("unshare", ["-n", "sh", "-c", `${tun} && test -c /dev/net/tun`])) return undefined;
  // The giver is a child of the shell, so of what the shell becomes, and ends with it.
  return run(`${tun} && { '${Deno.execPath()}' run --allow-all '${import.meta.filename}' ${ms} & }`);
}

/** From the kernel's headers: linux/if_tun.h, linux/fcntl.h, linux/poll.h, linux/prctl.h. */
const O_RDWR_NONBLOCK = 0o4002;
const TUNSETIFF = 0x400454can;
const IFF_TUN_NO_PI = 0x1001;
const POLLIN = 1;
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9n;
const PACKET_BYTES = 65_535;
/** More than these wait for their time only if we cannot keep up: the newest is dropped, as a router would. */
const PACKETS_LIMIT = 20_000;

/** Give the device's packets back `delayMs` later, for ever; holds the process's one thread. */
function giveBackLater(delayMs: number): never {
  const { symbols: libc } = Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
    ppoll: { parameters: ["buffer", "u64", "buffer", "pointer"], result: "i32" },
    read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
    write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
    prctl: { parameters: ["i32", "u64"], result: "i32" },
  });
  libc.prctl(PR_SET_PDEATHSIG, SIGKILL);
  const file = libc.open(new TextEncoder().encode("/dev/net/tun\0"), O_RDWR_NONBLOCK);
  const request = new Uint8Array(40);
  request.set(new TextEncoder().encode(DEVICE));
  new DataView(request.buffer).setUint16(16, IFF_TUN_NO_PI, true);
  if (file < 0 || libc.ioctl(file, TUNSETIFF, request) < 0) throw new Error(`The device ${DEVICE} cannot be opened.`);

  const asked = new Uint8Array(8);
  new DataView(asked.buffer).setInt32(0, file, true);
  asked[4] = POLLIN;
  const wait = new BigInt64Array(2); // timespec: seconds, ns
  const packet = new Uint8Array(PACKET_BYTES);
  const waiting: { dueMs: number; packet: Uint8Array<ArrayBuffer> }[] = [];
  for (;;) {
    const [next] = waiting;
    wait[1] = BigInt(Math.round(Math.max(0, next ? next.dueMs - performance.now() : delayMs) * 1e6));
    libc.ppoll(asked, 1n, wait, null);
    for (let length = 0; (length = libc.read(file, packet, BigInt(PACKET_BYTES))) > 0;) {
      if (waiting.length >= PACKETS_LIMIT) continue;
      waiting.push({ dueMs: performance.now() + delayMs, packet: packet.slice(0, length) });
    }
    const nowMs = performance.now();
    while (waiting[0] && waiting[0].dueMs <= nowMs) {
      const { packet } = waiting.shift()!;
      libc.write(file, packet, BigInt(packet.length));
    }
  }
}

if (import.meta.main) giveBackLater(Number(Deno.args[0]));
