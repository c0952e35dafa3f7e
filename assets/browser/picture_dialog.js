// The dialog in which pictures are looked at: the arrow keys or a swipe show the next one, + and -, the wheel or
// two fingers zoom. It is loaded when the first picture is opened.

/** @import { ShownFile } from "./attachments.js" */
/** @import { Message } from "./messages.js" */

import { addressOf } from "./attachments.js";
import { conversationTarget } from "./focus.js";
import { distance, swipeOf, zoomed } from "./picture_moves.js";
import { store } from "./replica.js";
import { textOf } from "./sheet.js";
import { say } from "./texts.js";

const STEP = 1.5;

/** @type {PictureDialog | undefined} */
let dialog;

/**
 * Show one of some pictures.
 * @param {ShownFile[]} pictures
 * @param {string} id
 */
export function showPictures(pictures, id) {
  dialog ??= new PictureDialog();
  dialog.open(pictures, Math.max(0, pictures.findIndex((one) => one.id === id)));
}

class PictureDialog {
  #dialog = document.createElement("dialog");
  #stage = textOf("div", "", "picture-stage");
  #image = document.createElement("img");
  #title = textOf("span", "", "picture-title one-line");
  #place = textOf("span", "", "picture-place-text");
  #failed = textOf("p", say("This picture could not be loaded."), "picture-failed");
  #download = document.createElement("a");
  /** @type {Record<string, HTMLButtonElement>} */
  #buttons = {};
  /** @type {ShownFile[]} */
  #pictures = [];
  #at = 0;
  #view = { scale: 1, x: 0, y: 0 };
  /** The fingers or the button that are down. @type {Map<number, { x: number, y: number }>} */
  #pointers = new Map();
  /** Where the first of them came down. @type {{ x: number, y: number } | undefined} */
  #start;
  /** The message of the picture that is shown, where the page has it. @type {string | undefined} */
  #message;
  #unsubscribe = () => {};

  constructor() {
    const sheet = this.#dialog;
    sheet.className = "picture-dialog";
    sheet.ariaLabel = say("Picture");
    const head = textOf("header", "", "picture-head");
    const tools = textOf("div", "", "picture-tools");
    const titles = textOf("div", "", "picture-titles");
    this.#place.role = "status";
    titles.append(this.#title, this.#place);
    this.#download.className = "icon-button";
    this.#download.append(iconOf("download"));
    this.#download.ariaLabel = say("Download");
    this.#download.title = say("Download");
    tools.append(
      this.#button("zoom-out", say("Zoom out"), () => this.#zoom(1 / STEP)),
      this.#button("zoom-in", say("Zoom in"), () => this.#zoom(STEP)),
      this.#download,
      this.#button("cross", say("Close"), () => sheet.close()),
    );
    head.append(titles, tools);
    this.#image.draggable = false;
    this.#failed.role = "alert";
    this.#stage.append(this.#image, this.#failed, this.#button("back", say("Previous picture"), () => this.#turn(-1)), this.#button("next", say("Next picture"), () => this.#turn(1)));
    sheet.append(head, this.#stage);
    sheet.addEventListener("keydown", (event) => this.#key(event));
    sheet.addEventListener("close", () => {
      this.#unsubscribe();
      sheet.remove();
    });
    this.#image.addEventListener("error", () => (this.#failed.hidden = !this.#image.getAttribute("src")));
    this.#image.addEventListener("load", () => (this.#failed.hidden = true));
    this.#stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.#stage.addEventListener("dblclick", () => this.#zoom(this.#view.scale > 1 ? 0 : 2.5));
    for (const type of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) {
      this.#stage.addEventListener(type, (event) => this.#pointer(/** @type {PointerEvent} */ (event)));
    }
  }

  /**
   * @param {ShownFile[]} pictures
   * @param {number} at
   */
  open(pictures, at) {
    this.#pictures = pictures;
    document.body.append(this.#dialog);
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#unsubscribe();
    this.#unsubscribe = store.subscribe(listOfMessages(), () => this.#closeDeleted());
    this.#buttons.cross.focus({ preventScroll: true });
    this.#show(at);
  }

  /** @param {number} at */
  #show(at) {
    const file = this.#pictures[at];
    this.#at = at;
    this.#message = shownMessages().find(({ files }) => files?.some(({ id }) => id === file.id))?.id;
    this.#pointers.clear();
    this.#look({ scale: 1, x: 0, y: 0 });
    const whole = addressOf(file, file.url);
    this.#failed.hidden = true;
    const image = this.#image;
    // The present one is not shown under the name of the next.
    image.removeAttribute("src");
    image.width = file.width;
    image.height = file.height;
    image.style.backgroundImage = file.placeholder ? `url("${file.placeholder}")` : "";
    image.alt = file.description || file.name;
    image.src = whole;
    this.#title.replaceChildren(textOf("bdi", file.name));
    this.#place.textContent = this.#pictures.length > 1 ? say("{at} of {all}", { at: at + 1, all: this.#pictures.length }) : "";
    Object.assign(this.#download, { href: whole, download: file.name });
    this.#buttons.back.hidden = at === 0;
    this.#buttons.next.hidden = at === this.#pictures.length - 1;
    // The next one is there when it is wanted.
    const next = this.#pictures[at + 1];
    if (next) new Image().src = addressOf(next, next.url);
  }

  /** Close when the message of the picture is deleted. What opened the dialog goes with it. */
  #closeDeleted() {
    if (!shownMessages().some(({ id, deleted }) => deleted && id === this.#message)) return;
    this.#dialog.close();
    conversationTarget()?.focus({ preventScroll: true });
  }

  /** @param {number} by */
  #turn(by) {
    const to = this.#at + by;
    if (to < 0 || to >= this.#pictures.length) return;
    const active = document.activeElement;
    this.#show(to);
    // The button of the last one goes.
    if (active instanceof HTMLElement && active.hidden) this.#buttons.cross.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { key } = event;
    const isBack = getComputedStyle(this.#dialog).direction === "rtl" ? "ArrowRight" : "ArrowLeft";
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "ArrowLeft" || key === "ArrowRight") this.#turn(key === isBack ? -1 : 1);
    else if (key === "+" || key === "=") this.#zoom(STEP);
    else if (key === "-") this.#zoom(1 / STEP);
    else if (key === "0") this.#zoom(0);
    else return;
    event.preventDefault();
  }

  /** @param {number} by a factor, 0 for the whole picture */
  #zoom(by) {
    this.#look(zoomed(this.#view, by, this.#room));
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    const { left, top, width, height } = this.#stage.getBoundingClientRect();
    const point = { x: event.clientX - left - width / 2, y: event.clientY - top - height / 2 };
    this.#look(zoomed(this.#view, Math.exp(-event.deltaY / 300), this.#room, point));
  }

  /** @param {PointerEvent} event */
  #pointer(event) {
    const { type, pointerId, clientX: x, clientY: y } = event;
    if (/** @type {Element} */ (event.target).closest("button")) return;
    const before = this.#pointers.get(pointerId);
    if (type === "pointerdown") {
      if (!this.#pointers.size) this.#start = { x, y };
      else this.#start = undefined;
      this.#pointers.set(pointerId, { x, y });
      this.#stage.setPointerCapture(pointerId);
    } else if (type === "pointermove" && before) {
      const apart = distance([...this.#pointers.values()]);
      this.#pointers.set(pointerId, { x, y });
      const now = distance([...this.#pointers.values()]);
      if (apart && now) this.#zoom(now / apart);
      else if (this.#view.scale > 1) {
        const { scale } = this.#view;
        this.#look(zoomed({ scale, x: this.#view.x + x - before.x, y: this.#view.y + y - before.y }, 1, this.#room));
      }
    } else if (before) {
      this.#pointers.delete(pointerId);
      if (type === "pointerup" && this.#start && this.#view.scale === 1) this.#swiped({ x: x - this.#start.x, y: y - this.#start.y });
      this.#start = undefined;
    }
  }

  /** @param {{ x: number, y: number }} way */
  #swiped(way) {
    const swipe = swipeOf(way);
    const isRtl = getComputedStyle(this.#dialog).direction === "rtl";
    if (swipe === "down") this.#dialog.close();
    else if (swipe) this.#turn((swipe === "left") === isRtl ? -1 : 1);
  }

  /** @param {{ scale: number, x: number, y: number }} view */
  #look(view) {
    this.#view = view;
    this.#image.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
    this.#stage.classList.toggle("zoomed", view.scale > 1);
    this.#buttons["zoom-out"].disabled = view.scale <= 1;
  }

  /** The room that the picture has, and its own. */
  get #room() {
    const { clientWidth, clientHeight } = this.#stage;
    return { width: clientWidth, height: clientHeight, imageWidth: this.#image.clientWidth, imageHeight: this.#image.clientHeight };
  }

  /**
   * @param {string} icon
   * @param {string} label
   * @param {() => void} press
   */
  #button(icon, label, press) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: `icon-button picture-${icon}`, title: label, ariaLabel: label });
    button.append(iconOf(icon));
    button.addEventListener("click", press);
    this.#buttons[icon] = button;
    return button;
  }
}

const listOfMessages = () => `messages:${document.querySelector("chat-timeline")?.getAttribute("conversation-id")}`;
const shownMessages = () => /** @type {readonly Message[]} */ (store.read(listOfMessages()).rows);

/** @param {string} name */
function iconOf(name) {
  const icon = textOf("span", "", `icon icon-${name}`);
  icon.ariaHidden = "true";
  return icon;
}
