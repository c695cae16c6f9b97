/** What is kept of calls, for whoever holds the `ADMIN_TOKEN`. Interfaces, section 4. */

import type { Context, Hono } from "hono";
import { isBearer } from "./bearer.ts";
import { outcomeFault } from "./outcomes.ts";
import type { CallFilter, CallRow, Store } from "./store.ts";
import { withCost } from "./store/prices.ts";

export interface CallsRoutes {
  store: Pick<Store, "list" | "get" | "notices" | "remove">;
  /** Without it there is nothing to be had here. */
  adminToken: string | undefined;
}

/** More calls than this are not listed at once. */
const LIST_LIMIT = 100_000;
/** Calls that are read at once: no live call is heard meanwhile. */
const PAGE = 200;
const encoder = new TextEncoder();

/** `GET /calls`, `GET /calls/:id`, `DELETE /calls/:id`; pass the result to the app's `extend`. */
export function callsRoutes({ store, adminToken }: CallsRoutes): (app: Hono) => void {
  const guarded = (handle: (c: Context) => Response) => (c: Context) => {
    c.header("cache-control", "no-store");
    if (!adminToken) return c.json({ error: "Calls are not shown here: ADMIN_TOKEN is not set." }, 404);
    if (isBearer(c.req.header("authorization"), adminToken)) return handle(c);
    return c.json({ error: "Send ADMIN_TOKEN as a bearer token." }, 401, { "www-authenticate": "Bearer" });
  };
  return (app) => {
    app.get(
      "/calls",
      guarded((c) => {
        const filter = readFilter(c.req.query());
        if (typeof filter === "string") return c.json({ error: filter }, 400);
        return c.body(streamOf(listing(store, filter)), 200, { "content-type": "application/json" });
      }),
    );
    app.get(
      "/calls/:id",
      guarded((c) => {
        const found = store.get(c.req.param("id") ?? "");
        if (found.ok) return c.json({ schema: 1, call: withCost(found.value), notices: store.notices(found.value.id) });
        if (found.fault.length === 0) return c.json({ error: "There is no such call." }, 404);
        return c.json({ error: "Several calls begin like that.", couldBe: found.fault }, 409);
      }),
    );
    app.delete(
      "/calls/:id",
      guarded((c) => {
        const done = store.remove(c.req.param("id") ?? "");
        if (done === "removed") return c.body(null, 204);
        if (done === "unknown") return c.json({ error: "There is no such call." }, 404);
        return c.json({ error: "The call is still there: the file of calls cannot be written. Ask again." }, 503);
      }),
    );
  };
}

/** `{"schema": 1, "calls": […]}` in pieces, of one page each. */
function* listing(store: Pick<Store, "list">, { limit = 20, ...filter }: CallFilter): Generator<string> {
  let page = store.list({ ...filter, limit: Math.min(limit, PAGE) });
  yield `{"schema":1,"calls":[${textOf(page)}`;
  for (let left = limit - PAGE; left > 0 && page.length === PAGE; left -= PAGE) {
    page = store.list({ ...filter, limit: Math.min(left, PAGE), after: page.at(-1)! });
    if (page.length > 0) yield `,${textOf(page)}`;
  }
  yield "]}";
}

function textOf(page: CallRow[]): string {
  return JSON.stringify(page).slice(1, -1);
}

/** Calls go on between the pieces. The first is there before the answer begins: if that fails, its status can say so. */
function streamOf(pieces: Generator<string>): ReadableStream<Uint8Array> {
  let piece = pieces.next();
  return new ReadableStream({
    pull(controller) {
      if (piece.done) return controller.close();
      controller.enqueue(encoder.encode(piece.value));
      piece = pieces.next();
    },
  });
}

/** @returns what is wrong, in words, if something is. */
function readFilter({ since, sinceMs, outcome, number, limit, live }: Record<string, string>): CallFilter | string {
  const fromMs = sinceMs !== undefined ? Number(sinceMs) : since !== undefined ? Date.parse(since) : undefined;
  if (fromMs !== undefined && !Number.isFinite(fromMs)) return "since is a time like 2026-01-31T12:00:00Z.";
  if (limit !== undefined && !/^\d{1,9}$/.test(limit)) return "limit is a whole number.";
  const odd = outcomeFault(outcome);
  if (odd !== undefined) return `outcome ${odd}`;
  if (live !== undefined && live !== "true" && live !== "false") return "live is true or false.";
  return {
    ...(fromMs === undefined ? {} : { sinceMs: fromMs }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(number === undefined ? {} : { number }),
    ...(limit === undefined ? {} : { limit: Math.min(Number(limit), LIST_LIMIT) }),
    ...(live === undefined ? {} : { live: live === "true" }),
  };
}
