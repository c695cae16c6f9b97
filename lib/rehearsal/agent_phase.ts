/** Where a session of the Voice Agent stand-in stands, and what that means for injections. */

/** Deepgram reference, section 8.3. */
export type AgentPhase =
  | "awaiting-settings"
  | "applying"
  | "idle"
  | "user-speaking"
  | "speculating"
  | "thinking"
  | "waiting-function"
  | "speaking"
  | "closed";

export type InjectionBehavior = "default" | "queue" | "interrupt";

/** What becomes of an injected agent message: `replaced`: it is spoken instead of what the agent was about. */
export type InjectionOutcome = "spoken" | "queued" | "replaced" | "refused-user" | "refused-agent";

/** The table of Deepgram reference, section 2.10. */
export function injectionOutcome(phase: AgentPhase, behavior: InjectionBehavior): InjectionOutcome {
  switch (phase) {
    case "user-speaking":
    case "speculating":
      return behavior === "interrupt" ? "spoken" : "refused-user";
    case "thinking":
    case "waiting-function":
    case "speaking":
      return behavior === "interrupt" ? "replaced" : behavior === "queue" ? "queued" : "refused-agent";
    default:
      return "spoken";
  }
}
