// Records a voice message in place of the composer's row: its time and wave form, pause, cancel and send. It is
// loaded when the first one is recorded.

/** @import { Chosen } from "./attached_files.js" */

import { lengthText, VOICE } from "./file_words.js";
import { newId } from "./outbox_entry.js";
import { textOf } from "./sheet.js";
import { say } from "./texts.js";

// Opus where there is one, in a container that the chat plays.
const TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];
const ENDINGS = { "audio/webm": "webm", "audio/ogg": "ogg", "audio/mp4": "m4a" };
const LONGEST = 15 * 60; // s
const BARS = 48;
const BAR_EVERY = 100; // ms
const DENIED = say("The microphone may not be used. Allow it in the settings of the browser.");
const MISSING = say("No microphone was found.");
const IMPOSSIBLE = say("This browser cannot record.");

/** Whether something is being recorded. */
let isRecording = false;

/** Takes what was recorded, and whether it is to be sent. @typedef {(file: Chosen, isSent: boolean) => void} Take */

/**
 * Record a voice message in a composer; return why that is not possible, "" where it is. What was recorded when
 * the conversation is left is taken, and not sent.
 * @param {HTMLElement} composer
 * @param {Take} take
 */
export async function record(composer, take) {
  if (isRecording) return "";
  isRecording = true;
  /** @type {MediaStream | undefined} */
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    new Recording(composer, stream, take);
    return "";
  } catch (error) {
    isRecording = false;
    // The browser may have no way to record what it hears: nothing may go on listening.
    for (const track of stream?.getTracks() ?? []) track.stop();
    if (stream) return IMPOSSIBLE;
    return /** @type {Error} */ (error).name === "NotAllowedError" ? DENIED : MISSING;
  }
}

class Recording {
  #composer;
  #stream;
  #recorder;
  #bar = textOf("div", "", "recorder");
  #time = textOf("span", "0:00", "recorder-time");
  #canvas = document.createElement("canvas");
  #pause = button("pause", say("Pause"));
  /** @type {Blob[]} */
  #parts = [];
  #context = new AudioContext();
  #analyser = this.#context.createAnalyser();
  #samples = new Float32Array(1024);
  /** @type {number[]} */
  #levels = [];
  #seconds = 0;
  #timer;
  #isSent = false;
  #isCancelled = false;
  #opener = document.activeElement;
  #take;
  #conversation;

  /**
   * @param {HTMLElement} composer
   * @param {MediaStream} stream
   * @param {Take} take
   */
  constructor(composer, stream, take) {
    this.#composer = composer;
    this.#stream = stream;
    this.#take = take;
    this.#conversation = composer.getAttribute("conversation-id");
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    this.#recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: 32_000 });
    this.#recorder.addEventListener("dataavailable", ({ data }) => data.size && this.#parts.push(data));
    this.#recorder.addEventListener("stop", () => this.#ended());
    this.#context.createMediaStreamSource(stream).connect(this.#analyser);
    const cancel = button("cross", say("Cancel the recording"));
    const send = button("send", say("Send voice message"));
    send.classList.add("send");
    cancel.addEventListener("click", () => this.#cancel());
    send.addEventListener("click", () => this.#send());
    this.#pause.addEventListener("click", () => this.#turn());
    this.#bar.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      this.#cancel();
    });
    this.#bar.role = "group";
    this.#bar.ariaLabel = say("Recording");
    this.#time.role = "timer";
    this.#canvas.ariaHidden = "true";
    this.#bar.append(cancel, textOf("span", "", "recorder-light"), this.#time, this.#canvas, this.#pause, send);
    composer.querySelector(".composer-row")?.before(this.#bar);
    composer.toggleAttribute("data-recording", true);
    this.#recorder.start(1_000);
    this.#timer = setInterval(() => this.#tick(), BAR_EVERY);
    send.focus({ preventScroll: true });
  }

  #tick() {
    // The conversation was left, or another one is open in its place.
    const isHere = this.#bar.isConnected && this.#composer.getAttribute("conversation-id") === this.#conversation;
    if (!isHere) this.#recorder.stop();
    if (this.#recorder.state !== "recording") return;
    this.#seconds += BAR_EVERY / 1000;
    this.#time.textContent = lengthText(this.#seconds);
    this.#analyser.getFloatTimeDomainData(this.#samples);
    this.#levels.push(Math.sqrt(this.#samples.reduce((sum, one) => sum + one * one, 0) / this.#samples.length));
    this.#draw();
    if (this.#seconds >= LONGEST) this.#turn();
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    Object.assign(this.#canvas, { width: width * devicePixelRatio, height: height * devicePixelRatio });
    const paper = this.#canvas.getContext("2d");
    if (!paper) return;
    paper.scale(devicePixelRatio, devicePixelRatio);
    paper.fillStyle = getComputedStyle(this.#canvas).color;
    const step = width / BARS;
    this.#levels.slice(-BARS).forEach((level, at) => {
      const size = Math.max(2, Math.min(1, level * 5) * height);
      paper.fillRect(at * step, (height - size) / 2, Math.max(1, step - 2), size);
    });
  }

  #turn() {
    const isPaused = this.#recorder.state === "paused";
    if (isPaused && this.#seconds < LONGEST) this.#recorder.resume();
    else this.#recorder.pause();
    const pauses = this.#recorder.state === "paused";
    const label = pauses ? say("Go on") : say("Pause");
    Object.assign(this.#pause, { ariaLabel: label, title: label });
    const icon = this.#pause.querySelector(".icon");
    if (icon) icon.className = `icon icon-${pauses ? "microphone" : "pause"}`;
    this.#bar.toggleAttribute("data-paused", pauses);
  }

  #cancel() {
    this.#isCancelled = true;
    this.#recorder.stop();
  }

  #send() {
    this.#isSent = true;
    this.#recorder.stop();
  }

  #ended() {
    clearInterval(this.#timer);
    for (const track of this.#stream.getTracks()) track.stop();
    void this.#context.close();
    const hadFocus = this.#bar.contains(document.activeElement);
    this.#bar.remove();
    this.#composer.removeAttribute("data-recording");
    isRecording = false;
    if (hadFocus) /** @type {HTMLElement | null} */ (this.#opener)?.focus({ preventScroll: true });
    if (this.#isCancelled || !this.#parts.length) return;
    const [type] = this.#recorder.mimeType.split(";", 1);
    const blob = new Blob(this.#parts, { type });
    const ending = ENDINGS[/** @type {keyof typeof ENDINGS} */ (type)] ?? "webm";
    const file = { id: newId(), name: `${VOICE}.${ending}`, type, size: blob.size, duration: this.#seconds, blob };
    this.#take(file, this.#isSent);
  }
}

/**
 * @param {string} icon
 * @param {string} label
 */
function button(icon, label) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: "icon-button", ariaLabel: label, title: label });
  const drawing = textOf("span", "", `icon icon-${icon}`);
  drawing.ariaHidden = "true";
  made.append(drawing);
  return made;
}
