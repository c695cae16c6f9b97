/** What Cartesia takes, and how it words a refusal (pure). Cartesia reference, sections 2, 4, 7 and 8. */

import * as z from "zod";

const Voice = z.union([
  z.looseObject({ id: z.string().min(1), mode: z.literal("id").optional() }),
  z.string().min(1),
]);
const RATES = [8000, 16000, 22050, 24000, 44100, 48000] as const;
const ENCODINGS = ["pcm_f32le", "pcm_s16le", "pcm_mulaw", "pcm_alaw"] as const;
const Format = z.strictObject({
  container: z.enum(["raw", "wav"]),
  encoding: z.enum(ENCODINGS),
  sample_rate: z.literal(RATES),
});

const common = {
  model_id: z.string().min(1),
  transcript: z.string(),
  voice: Voice,
  output_format: Format,
  generation_config: z.strictObject({
    speed: z.number().min(0.6).max(1.5).optional(),
    volume: z.number().min(0.5).max(2).optional(),
    emotion: z.string().optional(),
  }).optional(),
  pronunciation_dict_id: z.string().optional(),
  language: z.string().optional(),
  locale: z.string().optional(),
  normalization: z.string().optional(),
  speed: z.enum(["slow", "normal", "fast"]).optional(),
};

/** A request for speech on a context. Fields that do not exist are refused, so that a slip shows. */
export const Generate = z.strictObject({
  ...common,
  output_format: Format.extend({ container: z.literal("raw") }),
  context_id: z.string().min(1),
  continue: z.boolean().default(false),
  flush: z.boolean().default(false),
  max_buffer_delay_ms: z.int().min(0).max(5000).default(3000),
  add_timestamps: z.boolean().default(false),
  add_phoneme_timestamps: z.boolean().default(false),
  use_normalized_timestamps: z.boolean().optional(),
}).refine(({ language, locale }) => !(language && locale), "language and locale exclude each other");
export type Generate = z.infer<typeof Generate>;

export const Cancel = z.strictObject({ context_id: z.string().min(1), cancel: z.literal(true) });

/** The body of POST /tts/bytes. */
export const Render = z.strictObject({ ...common, save: z.boolean().optional() });

/** What must be the same in every message of a context. The official SDK lets `generation_config` vary from text to text. */
export function settingsKey(
  { transcript: _, continue: _more, flush: _flush, generation_config: _config, ...settings }: Generate,
): string {
  return JSON.stringify(settings);
}

/** An error as Cartesia words it. */
export interface CartesiaError {
  status: number;
  code: string | null;
  title: string;
  message: string;
}

/** Models that Cartesia has stopped, and the names of those that it may have. Cartesia reference, section 3. */
const RETIRED = /^sonic(-2|-turbo|-english|-multilingual|-3-2025-10-27$|$)/;
const NAMED = /^sonic-(latest|\d+(\.\d+)?(-\d{4}-\d{2}-\d{2})?)$/;

/** Why `model_id` is not served; undefined if it is. */
export function modelError(model_id: string): CartesiaError | undefined {
  if (RETIRED.test(model_id)) {
    const message = `${model_id} is no longer available`;
    return { status: 400, code: "model_sunsetted", title: "Model sunsetted", message };
  }
  if (NAMED.test(model_id)) return undefined;
  return { status: 404, code: "model_not_found", title: "Model not found", message: `${model_id} was not found` };
}

/** The version from which errors are structured. */
const STRUCTURED_SINCE = "2026-03-01";

/** The error event of a socket, in the shape that `version` has. */
export function errorEvent(error: CartesiaError, version: string, context: string | undefined): string {
  const { status, code, title, message } = error;
  const where = context === undefined ? {} : { context_id: context };
  const base = { type: "error", done: true, status_code: status, ...where };
  return JSON.stringify(
    version >= STRUCTURED_SINCE
      ? { ...base, error_code: code, title, message, request_id: "rehearsal" }
      : { ...base, error: `${title}: ${message}` },
  );
}

/** The HTTP response of an error, in the shape that `version` has. */
export function errorResponse({ status, code, title, message }: CartesiaError, version: string): Response {
  if (version < STRUCTURED_SINCE) return new Response(`${title}: ${message}`, { status });
  return Response.json({ error_code: code, title, message, request_id: "rehearsal" }, { status });
}

/** Key and version of a request, from its headers or its query; the query wins. Section 2. */
export function credentialsOf(url: URL, headers: Headers): { key: string | undefined; version: string | undefined } {
  const bearer = headers.get("authorization")?.match(/^Bearer (.+)$/)?.[1];
  const query = url.searchParams;
  const key = query.get("api_key") ?? query.get("access_token") ?? bearer ?? headers.get("x-api-key") ?? undefined;
  const version = query.get("cartesia_version") ?? headers.get("cartesia-version") ?? undefined;
  return { key, version };
}

/** The error of a request that does not fit its schema. */
export function invalid({ path, message }: { path: PropertyKey[]; message: string }): CartesiaError {
  return { status: 400, code: "invalid_request", title: "Bad request", message: `${path.join(".")} ${message}`.trim() };
}
