import assert from "node:assert/strict";
import { systemClock } from "../lib/base/clock.ts";
import { check } from "../lib/check.ts";
import { describeNotes } from "../lib/config.ts";
import { readBytes } from "../lib/files.ts";
import { loadConfig, reloader } from "../lib/load.ts";
import { ENVIRONMENT_NAMES } from "../lib/permissions.ts";
import { test } from "./case.ts";
import { fromSource, type Program, ROOT, run, startServer } from "./executable/harness.ts";
import { folder } from "./store/make.ts";

/** What is said of a config.json with this text. */
function refusal(text: string): string {
  using dir = folder();
  const file = `${dir.path}/config.json`;
  Deno.writeTextFileSync(file, text);
  const loaded = loadConfig({ file, flags: { rehearse: true } });
  return loaded.ok ? assert.fail("this must be refused") : describeNotes(loaded.fault);
}

test("a prompt file that is no file is a fault like any other", () => {
  for (const name of [".", "assets/prompts", "lib/load.ts/x", "a\u0000b", ""]) {
    assert.match(refusal(JSON.stringify({ prompt: { file: name } })), /prompt\.file .*\n {2}\w/, JSON.stringify(name));
  }
  assert.match(refusal(JSON.stringify({ prompt: { file: "x".repeat(5000) } })), /cannot be read: .*too long/);
});

test("a file that is not UTF-8 is told as such, and not taken with holes in it", () => {
  using dir = folder();
  const [file, prompt] = [`${dir.path}/config.json`, `${dir.path}/p.md`];
  const latin1 = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const refused = () => {
    const loaded = loadConfig({ file, flags: { rehearse: true } });
    return loaded.ok ? assert.fail("this must be refused") : describeNotes(loaded.fault);
  };
  Deno.writeFileSync(file, latin1('{"prompt": "x", "greeting": "Grüß Gott"}'));
  assert.match(refused(), /config\.json: is not UTF-8\.\n {2}Save it as UTF-8/);
  Deno.writeTextFileSync(file, JSON.stringify({ prompt: { file: prompt } }));
  Deno.writeFileSync(prompt, latin1("Praxis Müller"));
  assert.match(refused(), /p\.md: is not UTF-8/);
});

test("an .env that is not UTF-8 is none that says nothing: nobody rehearses by it", () => {
  using dir = folder();
  const before = Deno.cwd();
  Deno.chdir(dir.path);
  try {
    // As `echo … > .env` writes it in some shells of Windows.
    const text = "\uFEFFPUBLIC_HOST=agent.example.com\r\n";
    Deno.writeFileSync(".env", new Uint8Array(Uint16Array.from(text, (letter) => letter.charCodeAt(0)).buffer));
    const loaded = loadConfig();
    assert.match(loaded.ok ? "rehearsed" : describeNotes(loaded.fault), /^\.env: is not UTF-8/);
  } finally {
    Deno.chdir(before);
  }
});

for (const name of [".env", "config.json"]) {
  test(`a folder in the place of ${name}, as Docker makes it, is not taken for nothing`, () => {
    using dir = folder();
    const before = Deno.cwd();
    Deno.chdir(dir.path);
    try {
      Deno.mkdirSync(name);
      const loaded = reloader({})();
      assert.match(loaded.ok ? "rehearsed" : describeNotes(loaded.fault), new RegExp(`^${name}: is a folder`));
    } finally {
      Deno.chdir(before);
    }
  });
}

test("a file far too long is refused before it is parsed: calls go on meanwhile", () => {
  assert.match(
    refusal(`{"prompt": "${"x".repeat(11_000_000)}"}`),
    /config\.json: cannot be read: it has 11 MB, more than/,
  );
});

test("a file nested without end is refused, not followed", () => {
  const deep = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
  assert.match(refusal(`{"prompt": ${deep}}`), /line 1, column \d+ is nested too deeply/);
});

for (const comes of ["before", "after"] as const) {
  test(`a file that came ${comes} the start is not replaced by the program's own when it goes`, () => {
    using dir = folder();
    const cwd = Deno.cwd();
    Deno.chdir(dir.path);
    const write = () => Deno.writeTextFileSync("config.json", JSON.stringify({ prompt: "You are somebody else." }));
    try {
      if (comes === "before") write();
      const reload = reloader({ flags: { rehearse: true } });
      if (comes === "after") write();
      assert.equal(reload().ok, true);
      Deno.removeSync("config.json");
      const again = reload();
      assert.match(again.ok ? "taken" : describeNotes(again.fault), /config\.json: is gone/);
    } finally {
      Deno.chdir(cwd);
    }
  });
}

test("a prompt or a recording that was there is not replaced by the program's own when it goes, and counts once it is back", () => {
  using dir = folder();
  const cwd = Deno.cwd();
  Deno.chdir(dir.path);
  const [prompt, recording] = ["assets/prompts/front-desk.md", "assets/audio/greeting.mulaw"];
  for (const path of ["assets/prompts", "assets/audio"]) Deno.mkdirSync(path, { recursive: true });
  const config = { prompt: { file: prompt }, greeting: { text: "Hello.", audio: "greeting" } };
  Deno.writeTextFileSync("config.json", JSON.stringify(config));
  try {
    const reload = reloader({ flags: { rehearse: true } });
    const told = () => {
      const loaded = reload();
      return loaded.ok
        ? loaded.value.config.base.prompt + describeNotes(loaded.value.warnings)
        : describeNotes(loaded.fault);
    };
    assert.match(told(), /Green Street/, "the program's own as long as there never was another");
    Deno.writeTextFileSync(prompt, "You are somebody else.");
    Deno.writeTextFileSync(recording, "x");
    assert.equal(told(), "You are somebody else.");
    Deno.removeSync(prompt);
    assert.match(told(), /prompt\.file names "assets\/prompts\/front-desk\.md", which cannot be read/);
    Deno.writeTextFileSync(prompt, "You are back.");
    Deno.removeSync(recording);
    assert.match(told(), /^You are back\..*there is no assets\/audio\/greeting\.mulaw/);
  } finally {
    Deno.chdir(cwd);
  }
});

test("a secret that only a prompt file names is asked of the environment", () => {
  using dir = folder();
  const [file, prompt] = [`${dir.path}/config.json`, `${dir.path}/p.md`];
  Deno.writeTextFileSync(file, JSON.stringify({ prompt: { file: prompt } }));
  Deno.writeTextFileSync(prompt, "The code is ${SECRET_LOAD_TEST}${SECRET_load_test}.");
  Deno.env.set("SECRET_LOAD_TEST", "4");
  Deno.env.set("SECRET_load_test", "2");
  try {
    const loaded = loadConfig({ file, flags: { rehearse: true } });
    assert.equal(loaded.ok && loaded.value.config.base.prompt, "The code is 42.");
  } finally {
    Deno.env.delete("SECRET_LOAD_TEST");
    Deno.env.delete("SECRET_load_test");
  }
});

test("any TWILIO_ variable of the process keeps it from rehearsing by itself, and a misspelt one is told", async () => {
  using dir = folder();
  const start = async (program: Program, env: Record<string, string>) =>
    await run(program, ["serve", "--port", "0"], { cwd: dir.path, env, limitMs: 10_000 });
  const whole = fromSource("-A");
  const named = fromSource("--allow-net", "--allow-read", `--allow-env=${ENVIRONMENT_NAMES}`); // as the executable
  for (
    const [program, name] of [[whole, "TWILIO_ANY"], [whole, "TWILIO_API_KEY"], [named, "TWILIO_API_KEY"]] as const
  ) {
    const { code, stderr } = await start(program, { [name]: "x" });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /DEEPGRAM_API_KEY is not set/);
  }
  Deno.env.set("DEEPGRAM_KEY", "x");
  try {
    const loaded = loadConfig({ flags: { rehearse: true } });
    assert.ok(loaded.ok);
    assert.match(describeNotes(loaded.value.warnings), /DEEPGRAM_KEY is not a variable we read.\n.*DEEPGRAM_API_KEY/);
  } finally {
    Deno.env.delete("DEEPGRAM_KEY");
  }
});

test("an empty --config is wrong usage", async () => {
  const said: string[] = [];
  const terminal = { print: (line: string) => said.push(line), printError: (line: string) => said.push(line) };
  assert.equal(await check(["--config", "", "--offline"], terminal), 2);
  assert.match(said.join("\n"), /^--config takes a file/);
  const { code, stderr } = await serve("--config", "", "--port", "0");
  assert.equal(code, 2, stderr);
});

test("a flag out of the range of its variable is wrong usage", async () => {
  const port = await serve("--port", "99999");
  assert.equal(port.code, 2);
  assert.match(port.stderr, /^--port takes a whole number from 0 to 65535, not "99999"/);
  const drain = await serve("--drain", "99999999999", "--port", "0");
  assert.equal(drain.code, 2);
  assert.match(drain.stderr, /^--drain takes a whole number from 0 to 86400/);
});

test("an .env that may not be read stops nothing that the environment makes possible, and is told", async () => {
  using dir = folder();
  const program = fromSource("-A", "--deny-read=.env");
  const offhook = (args: string[], env = {}) => run(program, args, { cwd: dir.path, env, limitMs: 10_000 });
  const told = /^\.env: may not be read\.\n {2}\w/;
  const called = await offhook(["call", "http://127.0.0.1:1", "--wait", "1"]);
  assert.match(called.stderr, told);
  assert.equal(called.code, 3);
  const asked = await offhook(["health"]); // whatever is at the default port
  assert.match(asked.stderr, told);
  assert.doesNotMatch(asked.stderr, /^ {4}at /m);

  const rehearsing = await offhook(["serve", "--port", "0"]);
  assert.equal(rehearsing.code, 1, "it may have lost its accounts");
  const env = { PUBLIC_HOST: "agent.example.com", DEEPGRAM_API_KEY: "none", BIND: "127.0.0.1" };
  await using server = await startServer(program, { cwd: dir.path, env });
  assert.match(messages((await server.stop("SIGTERM")).stderr), told);
});

test("an address that is not this machine's is named as what is wrong, not the port", async () => {
  using dir = folder();
  for (const BIND of ["192.0.2.7", "no-such-host.invalid"]) {
    const started = { cwd: dir.path, env: { BIND, PORT: "5000" }, limitMs: 10_000 };
    const { code, stdout } = await run(fromSource("-A"), ["check", "--offline", "--json"], started);
    const { items } = JSON.parse(stdout) as { items: { name: string; state: string; finding: string }[] };
    const wrong = items.filter(({ state }) => state === "WRONG").map(({ name, finding }) => `${name} ${finding}`);
    assert.deepEqual([code, wrong], [1, [`BIND ${BIND} is no address of this machine`]]);
    assert.match((await run(fromSource("-A"), ["serve"], started)).stderr, new RegExp(`BIND ${BIND}`));
  }
});

test("a log that cannot be written, as on a full disk, keeps nobody from being answered", async () => {
  using dir = folder();
  const { command, args } = fromSource("-A");
  const program = { command: "/bin/sh", args: ["-c", 'exec "$0" "$@" 2>/dev/full', command, ...args] };
  await using server = await startServer(program, { cwd: dir.path });
  await (await fetch(server.url)).body?.cancel(); // answered once all of it is there
  const health = await fetch(`${server.url}/health`, { signal: AbortSignal.timeout(5000) });
  assert.equal((await health.json()).status, "healthy");
  assert.equal((await server.stop("SIGTERM")).code, 0);
});

test("a start that fails in the middle is told, and is no success", async () => {
  using dir = folder();
  const broken = `${dir.path}/broken.js`;
  Deno.writeTextFileSync(broken, "crypto.getRandomValues = () => { throw new Error('no randomness'); };");
  const { code, stderr } = await run(fromSource("-A", `--preload=${broken}`), ["serve", "--port", "0"], {
    cwd: dir.path,
    limitMs: 10_000,
  });
  assert.equal(code, 1, stderr);
  assert.match(stderr, /no randomness/);
});

test("a start that fails under a watcher ends, and leaves no port that answers as if all were well", async () => {
  using dir = folder();
  const [config, server] = [`${dir.path}/deno.json`, `${dir.path}/server.ts`];
  const own = new URL(`file://${ROOT}lib/server.ts`).href;
  const { imports } = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`)) as { imports: Record<string, string> };
  Deno.writeTextFileSync(config, JSON.stringify({ imports: { ...imports, [own]: `file://${server}` } }));
  Deno.writeTextFileSync(server, `export * from "${own}?real";`);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--watch", "--config", config, `${ROOT}main.ts`, "serve", "--port", "0"],
    cwd: dir.path,
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let isLate = false;
  using _limit = systemClock.after(15_000, () => {
    isLate = true;
    child.kill("SIGKILL");
  });
  let told = "";
  let isEdited = false;
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    told += text;
    if (!isEdited && told.includes("answers for")) {
      isEdited = true;
      Deno.writeTextFileSync(server, "a mistake in the code");
    }
    if (/mistake in the code[^]*Process (finished|failed)/.test(told)) child.kill("SIGKILL"); // it waits for the next edit
  }
  await child.status;
  assert.match(told, /mistake in the code/);
  assert.equal(isLate, false, told);
});

test("SIGTERM under a watcher ends the watcher too", async () => {
  using dir = folder();
  const { command, args } = fromSource("-A", "--no-check", "--watch");
  const child = new Deno.Command(command, {
    args: [...args, "serve", "--port", "0", "--watched"],
    cwd: dir.path,
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let isLate = false;
  using _limit = systemClock.after(30_000, () => {
    isLate = true;
    child.kill("SIGKILL");
  });
  let told = "";
  let isAsked = false;
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    told += text;
    if (isAsked || !told.includes("answers for")) continue;
    isAsked = true;
    child.kill("SIGTERM");
  }
  await child.status;
  assert.equal(isLate, false, told);
});

test("off a terminal all that a server says is lines of JSON, its first words too", async () => {
  using dir = folder();
  const env = { LOG_LEVEL: "error", DEEPGRAM_KEY: "x" };
  await using server = await startServer(fromSource("-A"), { cwd: dir.path, env });
  const said = messages((await server.stop("SIGTERM")).stderr);
  assert.match(said, /^environment: DEEPGRAM_KEY is not a variable we read/m);
  assert.match(said, /answers for .*\n.* here .*\nNOT PROTECTED/s);
});

/** What a log in JSON says. */
function messages(stderr: string): string {
  return stderr.trim().split("\n").map((line) => (JSON.parse(line) as { message: string }).message).join("\n");
}

async function serve(...args: string[]) {
  using dir = folder();
  return await run(fromSource("-A"), ["serve", ...args], { cwd: dir.path, limitMs: 5000 });
}

test("what comes along with the program has its own place in it: no path leads out of that", () => {
  using dir = folder();
  const cwd = Deno.cwd();
  Deno.chdir(dir.path);
  try {
    assert.ok(readBytes("deno.json"));
    assert.deepEqual([readBytes("lib/../deno.json"), readBytes("..\\deno.json")], [undefined, undefined]);
  } finally {
    Deno.chdir(cwd);
  }
});
