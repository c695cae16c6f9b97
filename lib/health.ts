/** What `/health` tells, from the first moment on. Pure. Interfaces: `status` "draining" comes with 503. */

import type { ProviderHealth } from "./base/breaker.ts";
import { describeFault } from "./base/result.ts";
import type { Config } from "./config.ts";
import type { Failing } from "./store.ts";

export interface Health {
  status: "healthy" | "degraded" | "draining";
  version: string;
  activeCalls: number;
  maxCalls: number;
  engine: string;
  rehearsal: boolean;
  uptimeSeconds: number;
  providers: { name: string; state: string; lastFault: string | null; since: string | null }[];
}

export interface HealthFacts {
  version: string;
  uptimeMs: number;
  draining: boolean;
  activeCalls: number;
  maxCalls: number;
  providers: readonly ProviderHealth[];
  /** Why calls are not recorded, if they are not: told as one provider more, the store. */
  recordsFailing?: Failing | undefined;
}

export function healthOf({ base, rehearsal }: Config, facts: HealthFacts): Health {
  const { version, uptimeMs, draining, activeCalls, maxCalls, recordsFailing } = facts;
  const providers = [...facts.providers, ...recordsFailing ? [storeHealth(recordsFailing)] : []];
  const well = providers.every(({ state }) => state === "closed");
  return {
    status: draining ? "draining" : well ? "healthy" : "degraded",
    version,
    activeCalls,
    maxCalls,
    engine: base.engine,
    rehearsal,
    uptimeSeconds: Math.floor(uptimeMs / 1000),
    providers: providers.map(({ name, state, lastFault, since }) => ({
      name,
      state,
      lastFault: lastFault ? describeFault(lastFault) : null,
      since: since ?? null,
    })),
  };
}

function storeHealth({ fault, since }: Failing): ProviderHealth {
  return { name: "store", state: "open", lastFault: fault, since };
}

/** Before the first call nobody has failed yet. */
export function healthAtStart(config: Config, version: string): Health {
  const { maxCalls } = config.server;
  return healthOf(config, { version, uptimeMs: 0, draining: false, activeCalls: 0, maxCalls, providers: [] });
}
