import assert from "node:assert/strict";
import fc from "fast-check";
import { offhookMeters } from "../../lib/telemetry/meters.ts";
import { METERS_CONTENT_TYPE, Registry } from "../../lib/telemetry/registry.ts";
import { test } from "../case.ts";

fc.configureGlobal({ seed: 1 }); // the same cases each time

test("counters, gauges and histograms are written in the text format", () => {
  const registry = new Registry();
  const calls = registry.counter({ name: "calls_total", help: "Calls.", labels: ["reason"] });
  const active = registry.gauge({ name: "active", help: "Now." });
  const wait = registry.histogram({ name: "wait_seconds", help: "Wait.", labels: ["part"], buckets: [0.1, 1] });
  calls.add(1, { reason: "caller-hung-up" });
  calls.add(2, { reason: "caller-hung-up" });
  calls.add(1, { reason: "time-up" });
  active.set(3);
  active.set(2);
  for (const value of [0.05, 0.1, 0.5, 7]) wait.observe(value, { part: "stt" });
  assert.equal(
    registry.render(),
    `# HELP calls_total Calls.
# TYPE calls_total counter
calls_total{reason="caller-hung-up"} 3
calls_total{reason="time-up"} 1
# HELP active Now.
# TYPE active gauge
active 2
# HELP wait_seconds Wait.
# TYPE wait_seconds histogram
wait_seconds_bucket{part="stt",le="0.1"} 2
wait_seconds_bucket{part="stt",le="1"} 3
wait_seconds_bucket{part="stt",le="+Inf"} 4
wait_seconds_sum{part="stt"} 7.65
wait_seconds_count{part="stt"} 4
`,
  );
  assert.match(METERS_CONTENT_TYPE, /version=0\.0\.4/);
});

test("the same numbers come as JSON", () => {
  const registry = new Registry();
  registry.gauge({ name: "active", help: "Now." }).set(2);
  registry.histogram({ name: "wait_seconds", help: "Wait.", buckets: [1, 2] }).observe(1.5);
  assert.deepEqual(JSON.parse(JSON.stringify(registry)), {
    active: { type: "gauge", help: "Now.", series: [{ labels: {}, value: 2 }] },
    wait_seconds: {
      type: "histogram",
      help: "Wait.",
      series: [{ labels: {}, count: 1, sum: 1.5, buckets: [{ le: 1, count: 0 }, { le: 2, count: 1 }] }],
    },
  });
});

test("any label value and help text comes back unharmed", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const registry = new Registry();
    registry.counter({ name: "odd_total", help: text, labels: ["why"] }).add(1, { why: text });
    const lines = registry.render().split("\n");
    assert.equal(lines.length, 4, "no line break gets through");
    assert.equal(unescape(lines[0]!.slice("# HELP odd_total ".length)), text);
    const value = /^odd_total\{why="((?:[^"\\]|\\.)*)"\} 1$/s.exec(lines[2]!)?.[1];
    assert.equal(value === undefined ? undefined : unescape(value), text);
  }));
});

test("a number that makes no sense is left out", () => {
  const registry = new Registry();
  const counter = registry.counter({ name: "a_total", help: "" });
  const gauge = registry.gauge({ name: "b", help: "" });
  const histogram = registry.histogram({ name: "c", help: "", buckets: [1] });
  for (const odd of [NaN, Infinity, -Infinity]) {
    counter.add(odd);
    gauge.set(odd);
    histogram.observe(odd);
  }
  counter.add(-1);
  counter.add(0.5);
  const json = registry.toJSON();
  assert.equal(json["a_total"]!.series[0]!.value, 0.5);
  assert.equal(json["b"]!.series[0]!.value, 0);
  assert.equal(json["c"]!.series[0]!.count, 0);
});

test("the number of series is bounded and no count is lost", () => {
  const registry = new Registry();
  const counter = registry.counter({ name: "a_total", help: "", labels: ["who"] });
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < 1000; index++) counter.add(1, { who: `caller ${index}` });
  }
  const { series } = registry.toJSON()["a_total"]!;
  assert.equal(series.length, 201);
  assert.equal(series.reduce((sum, { value }) => sum + value!, 0), 2000);
  assert.equal(series.find(({ labels }) => labels["who"] === "other")?.value, 1600);
});

test("labels that look alike when joined are kept apart", () => {
  const registry = new Registry();
  const counter = registry.counter({ name: "a_total", help: "", labels: ["x", "y"] });
  counter.add(1, { x: "a,b", y: "c" });
  counter.add(1, { x: "a", y: "b,c" });
  assert.equal(registry.toJSON()["a_total"]!.series.length, 2);
});

test("buckets are cumulative whatever is observed", () => {
  const buckets = [-1, 0, 0.5, 2, 10];
  fc.assert(fc.property(fc.array(fc.double({ noNaN: true, min: -20, max: 20 })), (values) => {
    const registry = new Registry();
    const histogram = registry.histogram({ name: "h", help: "", buckets });
    for (const value of values) histogram.observe(value);
    const series = registry.toJSON()["h"]!.series[0]!;
    assert.deepEqual(
      series.buckets,
      buckets.map((le) => ({ le, count: values.filter((value) => value <= le).length })),
    );
    assert.equal(series.count, values.length);
  }));
});

test("a wrong declaration is refused at once", () => {
  const registry = new Registry();
  registry.gauge({ name: "a", help: "" });
  assert.throws(() => registry.counter({ name: "a", help: "" }), /declared twice/);
  assert.throws(() => registry.counter({ name: "b-c", help: "" }), RangeError);
  assert.throws(() => registry.counter({ name: "b", help: "", labels: ["x y"] }), RangeError);
  for (const buckets of [[1, 1], [2, 1], [NaN], [Infinity]]) {
    assert.throws(() => registry.histogram({ name: "d", help: "", buckets }), /do not grow/, String(buckets));
  }
});

test("every name that is promised outside is there, with its labels", () => {
  const meters = offhookMeters();
  meters.callsEnded.add(1, { reason: "time-up" });
  meters.frames.add(2, { direction: "in" });
  meters.replySeconds.observe(0.4, { part: "model" });
  meters.providerFaults.add(1, { provider: "cartesia", kind: "lost" });
  meters.streamRefused.add(1, { reason: "expired" });
  const text = meters.registry.render();
  const promised = [
    "offhook_calls_started_total 0",
    'offhook_calls_ended_total{reason="time-up"} 1',
    "offhook_calls_active 0",
    'offhook_frames_total{direction="in"} 2',
    "offhook_barge_ins_total 0",
    "offhook_events_lost_total 0",
    "offhook_first_audio_seconds_count 0",
    'offhook_reply_seconds_sum{part="model"} 0.4',
    "offhook_mark_round_trip_seconds_count 0",
    "offhook_pacer_lateness_seconds_count 0",
    "offhook_loop_lag_seconds_count 0",
    'offhook_provider_faults_total{provider="cartesia",kind="lost"} 1',
    'offhook_stream_refused_total{reason="expired"} 1',
  ];
  for (const line of promised) assert.ok(text.includes(`\n${line}\n`), line);
  assert.equal(Object.keys(meters.registry.toJSON()).length, promised.length, "and no other");
});

function unescape(text: string): string {
  return text.replace(/\\(.)/gs, (_, sign: string) => sign === "n" ? "\n" : sign);
}
