/** What the system tells of processes: CPU time and memory from /proc, cores from taskset. Undefined where there is none. */

import type { Cores } from "./options.ts";

/** Clock ticks a second of /proc: fixed at 100 on Linux. */
const TICKS_PER_SECOND = 100;

/** CPU that a process has used, in its own code and in the kernel for it, ms. */
export function cpuMs(pid: number): number | undefined {
  return cpuOf(read(`/proc/${pid}/stat`));
}

/** CPU of its main thread alone: what is left is V8's helpers and workers. */
export function mainThreadCpuMs(pid: number): number | undefined {
  return cpuOf(read(`/proc/${pid}/task/${pid}/stat`));
}

function cpuOf(stat: string | undefined): number | undefined {
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 1000 / TICKS_PER_SECOND;
}

/** Resident memory, KiB. */
export function residentKib(pid: number): number | undefined {
  const found = /^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`) ?? "");
  return found ? Number(found[1]) : undefined;
}

/** CPU that the whole machine has used, ms over all cores. */
export function machineCpuMs(): number | undefined {
  const line = read("/proc/stat")?.split("\n")[0];
  if (line === undefined) return undefined;
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) * 1000 / TICKS_PER_SECOND;
}

/** The cores to pin to: the server's own and everything else's. Undefined with one core, or without taskset. */
export async function twoCores(wanted?: Cores): Promise<Cores | undefined> {
  if (!wanted && navigator.hardwareConcurrency < 2) return undefined;
  const cores = wanted ?? { server: 0, rest: 1 };
  return await hasProgram("taskset", ["-c", `${cores.server},${cores.rest}`, "true"]) ? cores : undefined;
}

/** Whether a program is there and runs without a fault. */
export async function hasProgram(program: string, args: string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output();
    return success;
  } catch {
    return false;
  }
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
