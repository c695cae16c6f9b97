/** Compiled with the executable's own permissions: tries what it must not be able to do, and what it must. */

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
  "write data": () => Deno.writeTextFileSync("data/there", ""),
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

const before = Object.entries(attempts).map(([name, attempt]) => [name, outcome(attempt)]);
Deno.permissions.revokeSync({ name: "write", path: "." });
const after = ["write here", "write data"].map((name) => [`${name} while serving`, outcome(attempts[name]!)]);
console.log(JSON.stringify(Object.fromEntries([...before, ...after])));
