/** A free-form copy of the `Settings` of Deepgram reference, section 2.8, for tests to change and to break. */
// deno-lint-ignore no-explicit-any -- tests break it in every way a client may
export function canonical(): any {
  return {
    type: "Settings",
    tags: ["phone"],
    mip_opt_out: false,
    flags: { history: true },
    audio: {
      input: { encoding: "mulaw", sample_rate: 8000 },
      output: { encoding: "mulaw", sample_rate: 8000, container: "none" },
    },
    agent: {
      listen: {
        provider: {
          ...{ type: "deepgram", version: "v2", model: "flux-general-en" },
          ...{ eot_threshold: 0.7, eager_eot_threshold: 0.5, eot_timeout_ms: 5000, keyterms: ["Acme"] },
        },
      },
      think: [
        {
          provider: { type: "open_ai", model: "gpt-4o-mini", temperature: 0.5 },
          prompt: "You answer calls for Acme.",
          functions: [{
            name: "book_table",
            description: "Book a table",
            parameters: { type: "object", properties: { size: { type: "integer" } }, required: ["size"] },
            defer_until_eot: true,
          }],
        },
        { provider: { type: "anthropic", model: "claude-haiku-4-5" }, prompt: "You answer calls for Acme." },
      ],
      speak: [{ provider: { type: "deepgram", version: "v1", model: "aura-2-thalia-en" } }],
      greeting: "Thanks for calling Acme, how can I help?",
    },
  };
}
