// Rhubarb Lip Sync on sound files, by its WebAssembly build, without the words; it hears the whole sound first.

import { Rhubarb } from "rhubarb-lip-sync-wasm";

import { doJobs } from "../shared/jobs.mjs";
import { RATE, readPcm } from "../shared/sound.mjs";

const FRAMES_PER_SECOND = 100; // Rhubarb's own unit of time is a hundredth of a second

console.log = () => {}; // the build reports every cue

await doJobs(async (sound) => {
  const pcm = readPcm(sound);
  const { mouthCues: cues } = await Rhubarb.getLipSync(Buffer.from(pcm));
  const seconds = pcm.length / 2 / RATE;
  return Array.from({ length: Math.ceil(seconds * FRAMES_PER_SECOND) }, (_, frame) => {
    const moment = frame / FRAMES_PER_SECOND;
    // Cues overlap where a closure begins before its sound; the one that began last counts.
    const cue = cues.filter(({ start, end }) => start <= moment && moment < end).sort((a, b) => b.start - a.start)[0];
    return [moment, { [cue?.value ?? "X"]: 1 }];
  });
});
