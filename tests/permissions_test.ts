import assert from "node:assert/strict";
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

const { tasks } = JSON.parse(Deno.readTextFileSync(new URL("../deno.json", import.meta.url))) as {
  tasks: Record<string, { command: string }>;
};

function listOf(task: string, flag: string): string[] {
  const found = new RegExp(`--${flag}=(\\S+)`).exec(tasks[task]!.command);
  assert.ok(found, `${task} has no --${flag}`);
  return found[1]!.replaceAll("'", "").split(",");
}

test("the executables get exactly the permissions that the code states", () => {
  for (const task of ["compile", "compile:arm"]) {
    assert.deepEqual(listOf(task, "allow-env").sort(), [...ENVIRONMENT_NAMES].sort());
    assert.deepEqual(listOf(task, "allow-read"), READ_FOLDERS);
    assert.deepEqual(listOf(task, "allow-write"), WRITE_FOLDERS);
    const others = tasks[task]!.command.match(/--allow-(?!env|read|write)\S+|-A\b/g);
    assert.deepEqual(others, ["--allow-net"]);
  }
});

test("a server from source and the executables run with the same flags of V8", () => {
  const flags = ["start", "dev", "compile", "compile:arm"].map((task) => listOf(task, "v8-flags"));
  for (const found of flags) assert.deepEqual(found, ["--no-concurrent-marking", "--max-semi-space-size=4"]);
});

test("both executables are built alike but for target and name", () => {
  const alike = tasks["compile:arm"]!.command
    .replace("--target aarch64-unknown-linux-gnu ", "").replace("dist/offhook-arm64", "dist/offhook");
  assert.equal(alike, tasks["compile"]!.command);
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
