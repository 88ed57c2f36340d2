// wLipSync on sound files: its worklet and its node as published, read 60 times a second.

import { readFileSync } from "node:fs";

import { doJobs } from "../shared/jobs.mjs";
import { atRate, readSamples } from "../shared/sound.mjs";
import { play } from "../shared/web_audio.mjs";

// After web_audio.mjs, which makes the class that its node extends.
const { configuration, createWLipSyncNode } = await import("wlipsync/wlipsync.js");

const SILENCE_S = 1; // between sounds, in which the node forgets the one before

const context = new AudioContext();
await context.audioWorklet.addModule(import.meta.resolve("wlipsync/audio-processor.js"));
configuration.wasmModule = await WebAssembly.compile(readFileSync("node_modules/wlipsync/dist/wlipsync.wasm"));
const node = await createWLipSyncNode(context, JSON.parse(readFileSync("profile.json", "utf8")));
// The processor starts once its own promise has been kept; there is no event for that.
await new Promise((resolve) => setTimeout(resolve, 100));

await doJobs((sound) => {
  play(new Float32Array(SILENCE_S * sampleRate), () => {});
  const frames = [];
  play(atRate(readSamples(sound), sampleRate), (seconds) => {
    // As uLipSync does: the vowels' weights, times the volume.
    const spoken = Object.entries(node.weights).map(([name, weight]) => [name, weight * node.volume]);
    frames.push([seconds, Object.fromEntries(spoken)]);
  });
  return frames;
});
