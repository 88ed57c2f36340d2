// As much of a browser's Web Audio as peers need to run in Node, in virtual time and faster than the sound.
//
// `play` pushes sound in blocks of 128 samples, as browsers do, and calls back 60 times a second, as they do
// before they draw. Messages between a node and its processor arrive at once. One AudioContext a process.

const BLOCK = 128;
export const FRAMES_PER_SECOND = 60;
const USUAL_RATE = 48000; // of a context for which nobody asks for another

const processors = new Map(); // name: processor class
const playing = new Set(); // whatever takes blocks of samples

let played = 0; // samples since the start
let startingPort = null; // of the processor that is being made

globalThis.sampleRate = USUAL_RATE;
Object.defineProperty(globalThis, "currentTime", { get: () => played / sampleRate });
globalThis.performance.now = () => (played * 1000) / sampleRate;

/** Two ports, each of which hands what is posted on it to the other's `onmessage`. */
function connectedPorts() {
  const ports = [{ onmessage: null }, { onmessage: null }];
  ports.forEach((port, index) => {
    port.postMessage = (data) => ports[1 - index].onmessage?.({ data });
  });
  return ports;
}

globalThis.registerProcessor = (name, processor) => processors.set(name, processor);

globalThis.AudioWorkletProcessor = class {
  constructor() {
    this.port = startingPort;
  }
};

globalThis.AudioWorkletNode = class {
  constructor(context, name, options = {}) {
    const Processor = processors.get(name);
    [this.port, startingPort] = connectedPorts();
    this.context = context;
    this.processor = new Processor(options);
    const descriptors = Processor.parameterDescriptors ?? [];
    this.parameters = new Map(
      descriptors.map((each) => [each.name, { value: options.parameterData?.[each.name] ?? each.defaultValue }]),
    );
    playing.add(this);
  }

  take(block) {
    const values = Object.fromEntries([...this.parameters].map(([name, { value }]) => [name, [value]]));
    this.processor.process([[block]], [], values);
  }

  disconnect() {
    playing.delete(this);
  }
};

/** The spectrum of what is playing, as the Web Audio specification computes it (Blackman, smoothed, in bytes). */
class AnalyserNode {
  fftSize = 2048;
  smoothingTimeConstant = 0.8;
  minDecibels = -100;
  maxDecibels = -30;
  #recent = new Float32Array(0);
  #smoothed = new Float64Array(0);

  get frequencyBinCount() {
    return this.fftSize / 2;
  }

  connect() {}

  take(block) {
    if (this.#recent.length !== this.fftSize) {
      this.#recent = new Float32Array(this.fftSize);
      this.#smoothed = new Float64Array(this.frequencyBinCount);
    }
    this.#recent.copyWithin(0, block.length);
    this.#recent.set(block, this.fftSize - block.length);
  }

  getByteFrequencyData(bytes) {
    const size = this.fftSize;
    const real = Float64Array.from(this.#recent, (sample, index) => {
      const angle = (2 * Math.PI * index) / size;
      return sample * (0.42 - 0.5 * Math.cos(angle) + 0.08 * Math.cos(2 * angle));
    });
    const imaginary = new Float64Array(real.length);
    transform(real, imaginary);
    for (let bin = 0; bin < this.#smoothed.length; bin++) {
      const magnitude = Math.hypot(real[bin], imaginary[bin]) / size;
      const held = this.smoothingTimeConstant;
      this.#smoothed[bin] = held * this.#smoothed[bin] + (1 - held) * magnitude;
      const decibels = 20 * Math.log10(this.#smoothed[bin]);
      const byte = (255 / (this.maxDecibels - this.minDecibels)) * (decibels - this.minDecibels);
      bytes[bin] = Math.max(0, Math.min(255, Math.floor(byte)));
    }
  }
}

/** Fourier transform in place; the length is a power of two. */
function transform(real, imaginary) {
  const size = real.length;
  for (let index = 1, mirrored = 0; index < size; index++) {
    let bit = size >> 1;
    for (; mirrored & bit; bit >>= 1) mirrored ^= bit;
    mirrored ^= bit;
    if (index < mirrored) {
      [real[index], real[mirrored]] = [real[mirrored], real[index]];
      [imaginary[index], imaginary[mirrored]] = [imaginary[mirrored], imaginary[index]];
    }
  }
  for (let span = 2; span <= size; span *= 2) {
    for (let offset = 0; offset < span / 2; offset++) {
      const angle = (-2 * Math.PI * offset) / span;
      const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
      for (let left = offset; left < size; left += span) {
        const right = left + span / 2;
        const turnedReal = real[right] * cosine - imaginary[right] * sine;
        const turnedImaginary = real[right] * sine + imaginary[right] * cosine;
        real[right] = real[left] - turnedReal;
        imaginary[right] = imaginary[left] - turnedImaginary;
        real[left] += turnedReal;
        imaginary[left] += turnedImaginary;
      }
    }
  }
}

globalThis.AudioContext = class {
  destination = {};
  audioWorklet = { addModule: (url) => import(url) };

  constructor({ sampleRate = USUAL_RATE } = {}) {
    this.sampleRate = globalThis.sampleRate = sampleRate;
  }

  get currentTime() {
    return globalThis.currentTime;
  }

  resume() {}

  createAnalyser() {
    const analyser = new AnalyserNode();
    playing.add(analyser);
    return analyser;
  }

  createMediaElementSource() {
    return { connect() {} };
  }
};

globalThis.window = globalThis;

/** Plays samples (n,) at the context's rate; calls `onFrame(seconds since their start)` 60 times a second. */
export function play(samples, onFrame) {
  const start = played;
  let frames = 0;
  for (let at = 0; at < samples.length; at += BLOCK) {
    const block = new Float32Array(BLOCK);
    block.set(samples.subarray(at, at + BLOCK));
    for (const node of playing) node.take(block);
    played += BLOCK;
    for (; (frames + 1) / FRAMES_PER_SECOND <= (played - start) / sampleRate; frames++) {
      onFrame((frames + 1) / FRAMES_PER_SECOND);
    }
  }
}
