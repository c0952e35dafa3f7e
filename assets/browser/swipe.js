// A swipe over a message, by touch, towards the end of its lines: it is replied to.

const BEGUN = 12; // px after which a move is a swipe, where it is more level than steep
const FAR = 56; // px that it takes
const STRETCH = 80; // px that a message follows the finger at most

/** @typedef {{ article: HTMLElement, x: number, y: number, isSwipe: boolean, isFar: boolean }} Swipe */

/**
 * Press the button that replies of each message that is swiped inside an element.
 * @param {HTMLElement} element
 */
export function watchSwipes(element) {
  /** @type {Swipe | undefined} */
  let swipe;
  const end = () => {
    if (swipe) swipe.article.style.translate = "";
    swipe = undefined;
  };
  element.addEventListener("pointerdown", ({ target, pointerType, isPrimary, clientX: x, clientY: y }) => {
    end();
    const article = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest("article[data-id]"));
    // A block of code, which may be wider than the screen, scrolls by itself.
    const isOther = /** @type {Element} */ (target).closest("button, a, pre") !== null;
    if (article && pointerType === "touch" && isPrimary && !isOther) swipe = { article, x, y, isSwipe: false, isFar: false };
  });
  element.addEventListener("pointermove", ({ clientX, clientY, isPrimary }) => {
    if (!swipe || !isPrimary) return;
    const direction = getComputedStyle(element).direction === "rtl" ? -1 : 1;
    const way = (clientX - swipe.x) * direction;
    const aside = Math.abs(clientY - swipe.y);
    if (!swipe.isSwipe && aside > BEGUN && aside > way) end();
    else if (way > BEGUN || swipe.isSwipe) {
      swipe.isSwipe = true;
      swipe.isFar = way >= FAR;
      swipe.article.style.translate = `${Math.min(Math.max(way, 0), STRETCH) * direction}px`;
    }
  });
  element.addEventListener("pointerup", () => {
    const swiped = swipe?.isFar ? swipe.article : undefined;
    end();
    /** @type {HTMLElement | null | undefined} */
    const button = swiped?.querySelector("[data-do=reply]");
    button?.click();
  });
  element.addEventListener("pointercancel", end);
}
