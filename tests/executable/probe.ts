/** Compiled with the executable's own permissions: tries what it must not be able to do, and what it must. */

import { DatabaseSync } from "node:sqlite";

const attempts: Record<string, () => unknown> = {
  "read /etc/passwd": () => Deno.readFileSync("/etc/passwd"),
  "read above": () => Deno.readFileSync("../outside"),
  "read its own program": () => Deno.readFileSync(Deno.execPath()),
  "write /tmp": () => Deno.writeTextFileSync("/tmp/offhook-probe", ""),
  "write above": () => Deno.writeTextFileSync("../outside", ""),
  "write /etc/offhook": () => Deno.writeTextFileSync("/etc/offhook/probe", ""),
  "link outwards": () => Deno.symlinkSync("/etc/passwd", "passwd"),
  "run a program": () => new Deno.Command("/bin/true").outputSync(),
  "load a library": () => Deno.dlopen("/lib/x86_64-linux-gnu/libc.so.6", {}),
  "read PATH": () => Deno.env.get("PATH"),
  "list the environment": () => Deno.env.toObject(),
  "set a variable": () => Deno.env.set("LD_PRELOAD", "x"),
  "ask for the host's name": () => Deno.hostname(),
  "read here": () => Deno.readFileSync("here"),
  "write here": () => Deno.writeTextFileSync("there", ""),
  "make data": () => Deno.mkdirSync("data", { recursive: true }),
  "write data": () => Deno.writeTextFileSync("data/there", ""),
  "open a database in data": () =>
    new DatabaseSync("data/calls.db").exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a)"),
  "open a database above": () => new DatabaseSync("../outside.db"),
  "read a secret": () => Deno.env.get("SECRET_BOOKING"),
};

function outcome(attempt: () => unknown): string {
  try {
    attempt();
    return "done";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

if (Deno.args[0] === "serving") Deno.permissions.revokeSync({ name: "write", path: "." });
const outcomes = Object.entries(attempts).map(([name, attempt]) => [name, outcome(attempt)]);
console.log(JSON.stringify(Object.fromEntries(outcomes)));
