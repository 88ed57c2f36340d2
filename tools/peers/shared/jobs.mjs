// Does the jobs that `liplab evaluate` writes: for each sound, a track of articulation from a peer's visemes.

import { readFileSync, writeFileSync } from "node:fs";

const TRACKS = ["aperture", "width", "rounding", "tuck"];

/**
 * Does each job of the file that the command line names.
 *
 * `follow(sound path)` returns or promises [[seconds, {viseme: weight}], ...] in the order of time. Shapes come
 * from `mapping.json` in the working folder. Weights that add up to less than 1 leave the rest to the mouth at
 * rest; more than 1 are scaled down to 1. What the peer documents or was measured as its latency is taken off
 * the times.
 */
export async function doJobs(follow) {
  const { rest, visemes, latency_ms: latency } = JSON.parse(readFileSync("mapping.json", "utf8"));
  for (const { sound, out } of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
    const tracks = { t: [], ...Object.fromEntries(TRACKS.map((name) => [name, []])) };
    for (const [seconds, weights] of await follow(sound)) {
      tracks.t.push(seconds - latency / 1000);
      const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
      for (const name of TRACKS) {
        let value = visemes[rest][name] * Math.max(0, 1 - total);
        for (const viseme in weights) value += (weights[viseme] / Math.max(1, total)) * visemes[viseme][name];
        tracks[name].push(value);
      }
    }
    writeFileSync(out, JSON.stringify(tracks));
  }
}
