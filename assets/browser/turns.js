// Work that one tab of this browser does at a time, where the browser has locks.

/**
 * Do work while no other tab does work of the same name.
 * @param {string} name
 * @param {() => Promise<void>} work
 */
export async function inTurn(name, work) {
  let hasTurn = false;
  try {
    await navigator.locks.request(name, () => {
      hasTurn = true;
      return work();
    });
  } catch (error) {
    if (hasTurn) throw error;
    // Over plain HTTP there are no locks: several tabs may do the same, and the server recognises that.
    await work();
  }
}

/** Work that is done again when it was asked for meanwhile, and never twice at a time. */
export class Repeated {
  #work;
  #isRunning = false;
  #isWanted = false;

  /** @param {() => Promise<void>} work */
  constructor(work) {
    this.#work = work;
  }

  async run() {
    this.#isWanted = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#isWanted) {
        this.#isWanted = false;
        await this.#work();
      }
    } finally {
      this.#isRunning = false;
    }
  }
}
