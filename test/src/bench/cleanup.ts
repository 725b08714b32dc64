/** Undo steps, run in reverse order once, whether the work succeeded, failed or was interrupted. */
export class Cleanup {
  readonly #steps: { name: string; undo: () => unknown }[] = [];

  /** Registers what undoes something just done; `name` is for the message when undoing fails. */
  add(name: string, undo: () => unknown): void {
    this.#steps.push({ name, undo });
  }

  /** Undoes everything, the last first. A step that fails is reported on standard error and does not stop the others. */
  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step.undo();
      } catch (error) {
        console.error(`clean-up of ${step.name}: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
}

/** Runs `work` with a Cleanup of its own, which is run before this resolves or rejects. */
export async function withCleanup<T>(parent: Cleanup, work: (cleanup: Cleanup) => Promise<T>): Promise<T> {
  const cleanup = new Cleanup();
  // An interrupted process runs the parent's steps only; a step already run by then does nothing.
  parent.add('a section', () => cleanup.run());
  try {
    return await work(cleanup);
  } finally {
    await cleanup.run();
  }
}
