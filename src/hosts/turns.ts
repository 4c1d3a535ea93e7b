/** Lets so many do something at a time; the others wait, and whoever waited longest is next. */
export class Turns {
  readonly #most: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Does that when its turn has come. Throws what it throws. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#most) {
      await new Promise<void>((go) => {
        this.#waiting.push(go);
      });
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // The next one takes this one's place.
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
