// HeadAudio on sound files: its worklet and its node as published, its animation called 60 times a second.

import { readFileSync } from "node:fs";

import { doJobs } from "../shared/jobs.mjs";
import { atRate, readSamples } from "../shared/sound.mjs";
import { FRAMES_PER_SECOND, play } from "../shared/web_audio.mjs";

// The model was trained on 24 kHz speech (HeadTTS), and its filter before the features depends on the rate: at
// 48 kHz it takes most open vowels for others.
const RATE = 24000;
const MODEL = "node_modules/@met4citizen/headaudio/dist/model-en-mixed.bin";
const AA = 0; // number of the most open viseme
// The package eases a viseme up to these values, which suit its avatars; here they count as the full shape.
const FULL = { viseme_PP: 0.75, viseme_FF: 0.75 };
const FULL_OTHERS = 0.65;

const context = new AudioContext({ sampleRate: RATE });
await context.audioWorklet.addModule(import.meta.resolve("@met4citizen/headaudio/dist/headworklet.min.mjs"));
const { HeadAudio } = await import("@met4citizen/headaudio/dist/headaudio.min.mjs");
const model = `data:application/octet-stream;base64,${readFileSync(MODEL, "base64")}`;

await doJobs(async (sound) => {
  const node = new HeadAudio(context, { processorOptions: { visemeEventsEnabled: true } });
  await node.loadModel(model);
  // The node takes number 0 for no viseme at all and would never show the most open one; it is told here.
  node.onviseme = ({ viseme }) => {
    if (viseme === AA) node.visemeActive = AA;
  };
  const weights = {};
  node.onvalue = (viseme, value) => {
    weights[viseme] = value / (FULL[viseme] ?? FULL_OTHERS);
  };
  const frames = [];
  play(atRate(readSamples(sound), RATE), (seconds) => {
    node.update(1000 / FRAMES_PER_SECOND);
    frames.push([seconds, { ...weights }]);
  });
  node.disconnect();
  return frames;
});
