/**
 * Shares the event loop between everything in this package that can have much to do (framing, parsing, applying a
 * snapshot). All of it together works about SLICE_MS per turn of the loop, whatever the number of clients, so that
 * timers and the sockets of the application are served in between. It is short because a garbage collection of some
 * 5 ms may fall into it.
 */
const SLICE_MS = 2;

let turnOpen = false;
let turnStart = 0;
const waiting: (() => void)[] = [];

function openTurn(): void {
  if (turnOpen) return;
  turnOpen = true;
  turnStart = performance.now();
  setImmediate(endTurn);
}

/** Runs once per turn; wakes one waiter only, which owns the new turn's slice: round robin without starvation. */
function endTurn(): void {
  turnOpen = false;
  const next = waiting.shift();
  if (!next) return;
  openTurn();
  next();
}

/** True when this turn's slice is used up: the caller should `await nextSlice()` before it goes on. */
export function sliceExpired(): boolean {
  openTurn();
  return performance.now() - turnStart > SLICE_MS;
}

/** Resolves in a later turn of the event loop, at the start of a fresh slice that belongs to the caller. */
export function nextSlice(): Promise<void> {
  openTurn();
  return new Promise((resolve) => waiting.push(resolve));
}
