// Sound files for peers: 16 kHz mono WAV in, and the same sound at the rate of a browser's context.

import { readFileSync } from "node:fs";

export const RATE = 16000;
const HALF_TAPS = 24; // of the interpolation filter, in samples of 16 kHz

/** The 16-bit samples (n,) of a 16 kHz mono WAV file, as a Buffer. Throws when the file is another kind. */
export function readPcm(path) {
  const file = readFileSync(path);
  let format = null;
  for (let at = 12; at + 8 <= file.length; ) {
    const name = file.toString("latin1", at, at + 4);
    const size = file.readUInt32LE(at + 4);
    if (name === "fmt ") {
      format = [file.readUInt16LE(at + 8), file.readUInt16LE(at + 10), file.readUInt32LE(at + 12), file.readUInt16LE(at + 22)];
    }
    if (name === "data") {
      if (String(format) !== String([1, 1, RATE, 16])) break;
      return file.subarray(at + 8, Math.min(at + 8 + size, file.length));
    }
    at += 8 + size + (size % 2);
  }
  throw new Error(`${path} is not a WAV file of 16 kHz, mono, 16 bits`);
}

/** Samples (n,) at 16 kHz, full scale 1. */
export function readSamples(path) {
  const pcm = readPcm(path);
  return Float32Array.from({ length: Math.floor(pcm.length / 2) }, (_, index) => pcm.readInt16LE(2 * index) / 32768);
}

/** Samples at a higher rate of samples (n,) at 16 kHz: a Hann-windowed sinc, without delay. */
export function atRate(samples, rate) {
  const common = greatestCommonDivisor(rate, RATE);
  const phases = Array.from({ length: rate / common }, (_, phase) =>
    Float64Array.from({ length: 2 * HALF_TAPS }, (_, tap) => {
      const distance = tap - HALF_TAPS + 1 - (phase * common) / rate;
      const sinc = distance === 0 ? 1 : Math.sin(Math.PI * distance) / (Math.PI * distance);
      return sinc * 0.5 * (1 + Math.cos((Math.PI * distance) / HALF_TAPS));
    }),
  );
  return Float32Array.from({ length: Math.floor((samples.length * rate) / RATE) }, (_, index) => {
    const position = (index * RATE) / common; // in phases
    const taps = phases[position % phases.length];
    const first = Math.floor(position / phases.length) - HALF_TAPS + 1;
    let sum = 0;
    for (let tap = 0; tap < taps.length; tap++) sum += taps[tap] * (samples[first + tap] ?? 0);
    return sum;
  });
}

function greatestCommonDivisor(one, other) {
  return other === 0 ? one : greatestCommonDivisor(other, one % other);
}
