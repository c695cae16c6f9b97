import assert from "node:assert/strict";
import { openAt } from "../../lib/config.ts";
import { parseHours } from "../../lib/config/hours.ts";
import { test } from "../case.ts";

const ZONE = "America/New_York";
const at = (hours: string, time: string, zone = ZONE) => openAt(parseHours(hours)!, new Date(time), zone);

test("office hours follow the clocks of the time zone, summer time included", () => {
  const hours = "Mon-Fri 09:00-17:00";
  assert.equal(at(hours, "2026-11-20T14:00:00Z"), true); // Friday 09:00 in New York
  assert.equal(at(hours, "2026-11-20T13:59:59Z"), false);
  assert.equal(at(hours, "2026-11-20T21:59:59Z"), true);
  assert.equal(at(hours, "2026-11-20T22:00:00Z"), false);
  assert.equal(at(hours, "2026-07-20T13:00:00Z"), true); // Monday 09:00, summer time
  assert.equal(at(hours, "2026-11-21T15:00:00Z"), false); // Saturday
  assert.equal(at(hours, "2026-11-20T02:00:00Z", "Asia/Tokyo"), true); // Friday 11:00 there
});

test("several parts, single days, daily, and midnight", () => {
  assert.equal(at("Mon-Fri 09:00-17:00, Sat 10:00-12:30", "2026-11-21T17:29:00Z"), true);
  assert.equal(at("Mon-Fri 09:00-17:00, Sat 10:00-12:30", "2026-11-21T17:30:00Z"), false);
  assert.equal(at("daily 00:00-24:00", "2026-11-22T05:00:00Z"), true); // Sunday 00:00
  assert.equal(at("monday-friday 9:00-17:00", "2026-11-20T14:00:00Z"), true);
});

test("hours past midnight reach into the next day, and days over the weekend", () => {
  const night = "Fri-Sat 22:00-02:00";
  assert.equal(at(night, "2026-11-21T03:30:00Z"), true); // Friday 22:30
  assert.equal(at(night, "2026-11-22T06:59:00Z"), true); // Sunday 01:59
  assert.equal(at(night, "2026-11-22T07:00:00Z"), false);
  assert.equal(at(night, "2026-11-20T06:30:00Z"), false); // Friday 01:30
  assert.equal(at("Sat-Mon 10:00-11:00", "2026-11-23T15:30:00Z"), true);
  assert.equal(at("Sat-Mon 10:00-11:00", "2026-11-24T15:30:00Z"), false);
});

test("what is not hours is refused", () => {
  for (
    const text of [
      "",
      "9-17",
      "Mon-Fri",
      "Mon-Fri 9-17",
      "Mon-Fri 09:00-25:00",
      "Mon 09:60-10:00",
      "Mon 09:00-09:00",
      "Xyz 09:00-10:00",
      "Mon-Xyz 09:00-10:00",
      "Mon-Fri 09:00-17:00,",
      "Mon 24:00-03:00",
    ]
  ) {
    assert.equal(parseHours(text), undefined, text);
  }
});
