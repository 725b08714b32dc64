import type { Command } from 'commander';

/** What a command prints with --json. */
export interface JsonShape {
  /** Name of a message in proto/iovisor/v1; its fields, in lowerCamelCase, are the object's. */
  message?: string;
  /** An array of them. */
  many?: boolean;
  /** One object a line, as they come. */
  lines?: boolean;
  /** In words, where no message says it all. */
  text?: string;
}

const shapes = new WeakMap<Command, JsonShape>();

/** Notes what --json prints, for the reference. */
export function documentJson(command: Command, shape: JsonShape): void {
  shapes.set(command, shape);
}

export function jsonShapeOf(command: Command): JsonShape | undefined {
  return shapes.get(command);
}
