import assert from "node:assert/strict";
import { FLAGS } from "../lib/compile.ts";
import {
  ENVIRONMENT_NAMES,
  isForbidden,
  READ_FOLDERS,
  recordsPlace,
  whyNotRead,
  whyNotWritten,
  WRITE_FOLDERS,
} from "../lib/permissions.ts";
import { test } from "./case.ts";

test("the executable may use the network and what is listed, and nothing else", () => {
  const permissions = FLAGS.filter((flag) => flag.startsWith("--allow"));
  assert.deepEqual(permissions.map((flag) => flag.split("=")[0]), [
    "--allow-net",
    "--allow-env",
    "--allow-read",
    "--allow-write",
  ]);
  assert.deepEqual(permissions.map((flag) => flag.split("=")[1]?.split(",")), [
    undefined,
    ENVIRONMENT_NAMES,
    READ_FOLDERS,
    WRITE_FOLDERS,
  ]);
});

test("a server from source and the executables run with the same flags of V8", () => {
  const { tasks } = JSON.parse(Deno.readTextFileSync(new URL("../deno.json", import.meta.url))) as {
    tasks: Record<string, { command: string }>;
  };
  const flags = FLAGS.find((flag) => flag.startsWith("--v8-flags="))!;
  for (const task of ["start", "dev"]) assert.ok(tasks[task]!.command.split(" ").includes(flags), task);
});

test("the executable may use the data folder of the README's service, which systemd makes a link for its own user", () => {
  const readme = Deno.readTextFileSync(new URL("../README.md", import.meta.url));
  assert.match(readme, /^DynamicUser=yes$/m);
  const [, state] = /^StateDirectory=(.+)$/m.exec(readme)!;
  for (const folder of [`/var/lib/${state}`, `/var/lib/private/${state}`]) {
    assert.ok(READ_FOLDERS.includes(folder) && WRITE_FOLDERS.includes(folder), folder);
  }
});

test("on Deno Deploy records stay in memory, elsewhere in the folder that may be written", () => {
  assert.deepEqual(recordsPlace("/srv/x", { onDeploy: true }), { kind: "memory", why: "Deno Deploy keeps no files" });
  assert.deepEqual(recordsPlace("./data", { onDeploy: false }), { kind: "disk", folder: "./data" });
});

test("a file that may not be read is told from one that is not there", () => {
  assert.equal(isForbidden(new Deno.errors.PermissionDenied("x")), true);
  assert.equal(isForbidden(new Deno.errors.NotCapable("x")), true);
  assert.equal(isForbidden(new Deno.errors.NotFound("x")), false);
});

test("a file that cannot be read or written is told in our words, with what to do", async () => {
  const compiled = "specify the required permissions during compilation using `deno compile --allow-write`";
  const { NotCapable, PermissionDenied } = Deno.errors;
  assert.equal(
    whyNotRead(new NotCapable(compiled)),
    "it may not be read. Start Deno with --allow-read for that place.",
  );
  assert.match(whyNotRead(new PermissionDenied("os error 13")), /^it may not be read\. Give the user/);
  assert.match(whyNotWritten(new NotCapable(compiled)), /^it may not be written\. Start Deno with --allow-write/);
  assert.match(whyNotWritten(new PermissionDenied("os error 13")), /^it may not be written\. Give the user/);
  const folder = await Deno.makeTempDir();
  const failing = (act: () => void): unknown => {
    try {
      return act();
    } catch (error) {
      return error;
    }
  };
  assert.match(whyNotRead(failing(() => Deno.readFileSync(`${folder}/none`))), /no such file/);
  assert.match(whyNotWritten(failing(() => Deno.writeFileSync(`${folder}/no/x`, new Uint8Array()))), /no such folder/);
  assert.equal(whyNotWritten(failing(() => Deno.writeFileSync(folder, new Uint8Array()))), "it is a folder.");
  await Deno.remove(folder);
});
