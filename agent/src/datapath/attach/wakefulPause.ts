/** A pause that can be cut short. */
export class WakefulPause {
  #wake: (() => void) | undefined;

  /** @returns whether it lasted as long as it should */
  sleep(milliseconds: number): Promise<boolean> {
    if (milliseconds <= 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (whole: boolean) => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve(whole);
      };
      const timer = setTimeout(() => end(true), milliseconds);
      this.#wake = () => end(false);
    });
  }

  /** Ends the pause that is on, if any. */
  wake(): void {
    this.#wake?.();
  }
}
