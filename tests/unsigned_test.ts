import assert from "node:assert/strict";
import { banner } from "../lib/banner.ts";
import { limitsOf } from "../lib/unsigned.ts";
import { test } from "./case.ts";
import { config, LIVE } from "./config/make.ts";

const FILE = { prompt: "x", limits: { callsAtOnce: 20, minutesPerDay: 500 } };
const { TWILIO_AUTH_TOKEN: _, ...UNSIGNED } = LIVE;

test("only who is no Twilio for certain and not of this machine is limited to 3 calls and 60 minutes", () => {
  const cases = [
    { env: LIVE, strangers: true, limits: [20, 500] },
    { env: UNSIGNED, strangers: false, limits: [20, 500] },
    { env: UNSIGNED, strangers: true, limits: [3, 60] },
    { env: {}, strangers: false, limits: [20, Infinity] },
    { env: {}, strangers: true, limits: [3, 60] },
    { env: {}, flags: { rehearse: true }, strangers: true, limits: [20, Infinity] },
  ];
  for (const { strangers, limits, ...how } of cases) {
    const { callsAtOnce, minutesPerDay } = limitsOf(config(FILE, how), { strangers });
    assert.deepEqual([callsAtOnce, minutesPerDay], limits, JSON.stringify({ ...how, strangers }));
  }
});

test("the banner tells both limits wherever there is no token, and that --rehearse has none", () => {
  const said = (how: Parameters<typeof config>[1]) => banner(config(FILE, how), { port: 5000, version: "1" });
  for (const env of [UNSIGNED, {}]) {
    assert.match(said({ env }), /^NOT PROTECTED.*\n.*another machine.* 3 calls at once and 60 minutes a day/m);
  }
  assert.match(said({ flags: { rehearse: true } }), /^NOT PROTECTED.*\n.*--rehearse takes all calls/m);
  assert.doesNotMatch(said({ env: LIVE }), /NOT PROTECTED/);
});
