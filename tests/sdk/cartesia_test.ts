import assert from "node:assert/strict";
import { test, testWith } from "../case.ts";

/** The library dials TLS always, so it gets a certificate of our own making, and a process of its own that trusts it. */
async function openssl(...args: string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("openssl", { args, stdout: "null", stderr: "null" }).output();
    return success;
  } catch {
    return false; // it is not installed
  }
}

const present = await openssl("version");

/** A certificate authority, and a certificate of `localhost` that it signed, as files in `folder`. */
async function makeCertificates(folder: string): Promise<void> {
  const at = (name: string) => `${folder}/${name}`;
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const steps = [
    [
      ...["req", "-x509", ...curve, "-keyout", at("ca.key"), "-out", at("ca.pem"), "-subj", "/CN=Offhook test CA"],
      ...["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"],
    ],
    ["req", ...curve.slice(0, 5), "-keyout", at("key.pem"), "-out", at("csr.pem"), "-subj", "/CN=localhost"],
    [
      ...["x509", "-req", "-in", at("csr.pem"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial"],
      ...["-days", "2", "-out", at("cert.pem"), "-extfile", at("names.cnf")],
    ],
  ];
  await Deno.writeTextFile(at("names.cnf"), "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n");
  for (const step of steps) assert.ok(await openssl(...step), `openssl ${step.join(" ")}`);
}

const CASES = fileOf("cartesia_cases.ts");

function fileOf(name: string): string {
  return new URL(name, import.meta.url).pathname;
}

/** Run the cases in a process of their own, for a minute at most. */
async function runCases(folder: string, withCa: boolean): Promise<{ success: boolean; output: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-check", "--config", fileOf("deno.json"), "--allow-all", CASES],
    env: { NO_COLOR: "1", CERTIFICATES: folder, ...(withCa ? { DENO_CERT: `${folder}/ca.pem` } : {}) },
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(60_000),
  });
  const { success, stdout, stderr } = await command.output();
  return { success, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

testWith(
  { present, missing: "openssl is not installed" },
  "@cartesia/cartesia-js passes its cases over TLS",
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "offhook-ca-" });
    try {
      await makeCertificates(folder);
      const { success, output } = await runCases(folder, true);
      console.log(output.split("\n").filter((line) => /\.\.\. |passed/.test(line)).join("\n"));
      assert.ok(success, output);
      assert.match(output, /ok \| [1-9]\d* passed \| 0 failed/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

test("the cases of @cartesia/cartesia-js are skipped without certificates, and say so", async () => {
  const { success, output } = await runCases("", false);
  assert.ok(success, output);
  assert.match(output, /skipped: no certificates/);
  assert.match(output, /ok \| 0 passed \| 0 failed/);
});
