// wawa-lipsync on sound files: its class as published, asked 60 times a second, as its README shows.

import { doJobs } from "../shared/jobs.mjs";
import { atRate, readSamples } from "../shared/sound.mjs";
import { play } from "../shared/web_audio.mjs";

const { Lipsync } = await import("wawa-lipsync");

const SILENCE_S = 1; // between sounds, in which the analyser forgets the one before
// How the demo in the package's repository eases its avatar, a drawn frame: towards the viseme and from the others.
const EASE_IN = { vowel: 0.2, other: 0.4 };
const EASE_OUT = { vowel: 0.1, other: 0.2 };

const lipsync = new Lipsync();

await doJobs((sound) => {
  play(new Float32Array(SILENCE_S * sampleRate), () => {});
  lipsync.connectAudio({ src: sound });
  let weights = {};
  const frames = [];
  play(atRate(readSamples(sound), sampleRate), (seconds) => {
    lipsync.processAudio();
    const kind = lipsync.state === "vowel" ? "vowel" : "other";
    weights = { ...weights, [lipsync.viseme]: weights[lipsync.viseme] ?? 0 };
    for (const viseme in weights) {
      const goal = viseme === lipsync.viseme ? 1 : 0;
      weights[viseme] += (goal - weights[viseme]) * (goal ? EASE_IN : EASE_OUT)[kind];
    }
    frames.push([seconds, weights]);
    weights = { ...weights };
  });
  return frames;
});
