// Progress lines for people: one a step, each with the time it took.
import { styleText } from 'node:util';

const colour = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (style, text) => (colour ? styleText(style, text) : text);

/** A failure whose message is all a person needs: no stack is printed. `advice` says what to do. */
export class SetupError extends Error {
  constructor(message, advice) {
    super(message);
    this.advice = advice;
  }
}

/** "4.2 s" since `start` (performance.now()). */
export const seconds = (start) => `${((performance.now() - start) / 1000).toFixed(1)} s`;

function line(mark, style, name, text, time) {
  console.log(
    `  ${paint(style, mark)} ${name.padEnd(16)} ${text.padEnd(52)} ${paint('dim', time.padStart(8))}`,
  );
}

/**
 * Runs one step. `work` gets a function that announces what takes long, and returns the text of the final line.
 */
export async function step(name, work) {
  const start = performance.now();
  try {
    const text = await work((doing) => line('▸', 'cyan', name, doing, ''));
    line('✔', 'green', name, text ?? '', seconds(start));
  } catch (error) {
    line('✘', 'red', name, 'failed', seconds(start));
    throw error;
  }
}

/** Prints what went wrong and what to do, and ends with status 1. */
export function fail(error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(paint('red', error.message));
  if (error.advice) console.error(`\nWhat to do: ${error.advice}`);
  process.exit(1);
}
