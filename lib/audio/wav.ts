/** WAV files (RIFF WAVE): reads what recorders and voices write, writes 16-bit PCM. */

import { failed, ok, type Result } from "../base/result.ts";
import { decodeSample } from "./mulaw.ts";

export interface WavAudio {
  rateHz: number;
  /** One array per channel, all of one length, full scale at -1..1. */
  channels: Float32Array[];
}

/** Format tags of RFC 2361 and Microsoft's mmreg.h. */
const PCM = 1;
const FLOAT = 3;
const A_LAW = 6;
const MU_LAW = 7;
const EXTENSIBLE = 0xFFFE;

const FMT_BYTES = 16;
const SUBFORMAT_AT = 24;

interface Format {
  tag: number;
  channels: number;
  rateHz: number;
  bits: number;
}

type ReadSample = (view: DataView, at: number) => number;

/** Sample readers by format tag and bits. Integers scale by their own full scale. */
const READERS: Record<string, ReadSample> = {
  [`${PCM}/8`]: (view, at) => (view.getUint8(at) - 128) / 128,
  [`${PCM}/16`]: (view, at) => view.getInt16(at, true) / 32768,
  [`${PCM}/24`]: (view, at) => (view.getUint16(at, true) | (view.getInt8(at + 2) << 16)) / 8388608,
  [`${PCM}/32`]: (view, at) => view.getInt32(at, true) / 2147483648,
  [`${FLOAT}/32`]: (view, at) => view.getFloat32(at, true),
  [`${FLOAT}/64`]: (view, at) => view.getFloat64(at, true),
  [`${MU_LAW}/8`]: (view, at) => decodeSample(view.getUint8(at)) / 32768,
  [`${A_LAW}/8`]: (view, at) => decodeALaw(view.getUint8(at)) / 32768,
};

/**
 * Read a WAV file: PCM of 8, 16, 24 or 32 bits, float of 32 or 64, mu-law, A-law, plain or extensible, any rate and number of
 * channels. Unknown chunks are skipped; a data size that is 0xFFFFFFFF or beyond the end means "to the end". The fault
 * is a sentence that says what is wrong and what to do. Never throws.
 */
export function readWav(bytes: Uint8Array): Result<WavAudio, string> {
  if (text(bytes, 0) === "RIFX" || text(bytes, 0) === "RF64") {
    return failed(`This is a WAV file of the rare kind ${text(bytes, 0)}. Convert it to a plain RIFF WAV file.`);
  }
  if (text(bytes, 0) !== "RIFF" || text(bytes, 8) !== "WAVE") {
    return failed("This is not a WAV file (it does not begin with RIFF and WAVE). Convert it to WAV.");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let format: Format | undefined;
  for (let at = 12; at + 8 <= bytes.length;) {
    const sizeBytes = Math.min(view.getUint32(at + 4, true), bytes.length - at - 8);
    const body = new DataView(bytes.buffer, bytes.byteOffset + at + 8, sizeBytes);
    if (text(bytes, at) === "fmt ") {
      if (sizeBytes < FMT_BYTES) {
        return failed(`The WAV format chunk has ${sizeBytes} bytes, not ${FMT_BYTES} or more. Export the file anew.`);
      }
      format = readFormat(body);
    } else if (text(bytes, at) === "data") {
      return format
        ? readData(body, format)
        : failed("The WAV file has audio before its format. Export the file anew.");
    }
    at += 8 + sizeBytes + (sizeBytes & 1); // chunks begin at even places
  }
  return failed(`The WAV file has no ${format ? "audio (data chunk)" : "format chunk"}. Export the file anew.`);
}

function text(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

/** Extensible names the true format in the first two bytes of its sub-format. */
function readFormat(body: DataView): Format {
  const tag = body.getUint16(0, true);
  return {
    tag: tag === EXTENSIBLE && body.byteLength >= SUBFORMAT_AT + 2 ? body.getUint16(SUBFORMAT_AT, true) : tag,
    channels: body.getUint16(2, true),
    rateHz: body.getUint32(4, true),
    bits: body.getUint16(14, true),
  };
}

function readData(body: DataView, { tag, channels, rateHz, bits }: Format): Result<WavAudio, string> {
  const read = READERS[`${tag}/${bits}`];
  if (!read) {
    return failed(`The WAV file holds format ${tag} with ${bits} bits, which cannot be read. Export it as 16-bit PCM.`);
  }
  if (channels === 0 || rateHz === 0) {
    return failed(`The WAV file claims ${channels} channels at ${rateHz} Hz. Export the file anew.`);
  }
  const sampleBytes = bits / 8;
  const length = Math.floor(body.byteLength / (channels * sampleBytes));
  return ok({
    rateHz,
    channels: Array.from({ length: length === 0 ? Math.min(channels, 2) : channels }, (_, channel) => {
      const samples = new Float32Array(length);
      for (let n = 0; n < length; n++) samples[n] = read(body, (n * channels + channel) * sampleBytes);
      return samples;
    }),
  });
}

/** The 16-bit value of an A-law code. ITU-T G.711, table 1a. */
function decodeALaw(code: number): number {
  const bits = code ^ 0x55;
  const segment = (bits >> 4) & 7;
  const magnitude = ((bits & 0x0F) << 4) + (segment === 0 ? 8 : 0x108);
  const value = segment > 1 ? magnitude << (segment - 1) : magnitude;
  return bits & 0x80 ? value : -value;
}

/** A 16-bit PCM WAV file. The channels must be of one length. */
export function writeWav({ rateHz, channels }: { rateHz: number; channels: Int16Array[] }): Uint8Array {
  const length = channels[0]?.length ?? 0;
  const blockBytes = 2 * channels.length;
  const dataBytes = length * blockBytes;
  const bytes = new Uint8Array(44 + dataBytes);
  const view = new DataView(bytes.buffer);
  const name = (at: number, fourLetters: string) => bytes.set(new TextEncoder().encode(fourLetters), at);
  name(0, "RIFF");
  view.setUint32(4, 36 + dataBytes, true);
  name(8, "WAVE");
  name(12, "fmt ");
  view.setUint32(16, FMT_BYTES, true);
  view.setUint16(20, PCM, true);
  view.setUint16(22, channels.length, true);
  view.setUint32(24, rateHz, true);
  view.setUint32(28, rateHz * blockBytes, true);
  view.setUint16(32, blockBytes, true);
  view.setUint16(34, 16, true);
  name(36, "data");
  view.setUint32(40, dataBytes, true);
  channels.forEach((samples, channel) => {
    for (let n = 0; n < length; n++) view.setInt16(44 + n * blockBytes + 2 * channel, samples[n]!, true);
  });
  return bytes;
}
