import { BpfError } from './errors.js';

/** The last thing the verifier looked at before it gave up. */
export interface RefusedInstruction {
  /** Index in the program, counted as in the log. */
  index: number;
  /** Disassembly as the verifier prints it, e.g. `(61) r0 = *(u32 *)(r1 +0)`. */
  text: string;
  /** The C line it came from (needs `clang -g`). */
  source: string | undefined;
}

/** A program the verifier refused. The message carries the reason; {@link log} the whole verifier log. */
export class VerifierError extends BpfError {
  override readonly name = 'VerifierError';
  /** C function name of the refused program. */
  readonly program: string;
  /** The verifier's sentence of refusal, e.g. `invalid access to packet, off=0 size=8`. */
  readonly reason: string;
  readonly instruction: RefusedInstruction | undefined;
  /** `reason`, instruction and C line in one line for a log. */
  readonly summary: string;
  /** The verifier's log, whole: libbpf enlarges its buffer until it fits. */
  override readonly log: string;

  constructor(program: string, object: string, errno: number, log: string) {
    const { reason, instruction } = readVerifierLog(log);
    const where = instruction && ` at instruction ${instruction.index}: ${instruction.text}`;
    const source = instruction?.source && ` [${instruction.source}]`;
    const summary = `${reason}${where ?? ''}${source ?? ''}`;
    super('verify', `program ${program} of ${object}`, errno, {
      hint: `${summary}. The whole verifier log is in the error's "log"`,
    });
    this.program = program;
    this.reason = reason;
    this.instruction = instruction;
    this.summary = summary;
    this.log = log;
  }
}

const INSTRUCTION = /^\s*(\d+): (\([0-9a-f]{2}\) .*?)\s*(?:;.*)?$/;

function readVerifierLog(log: string): { reason: string; instruction: RefusedInstruction | undefined } {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  const told = lines.filter(
    (line) => !/^(processed \d+ insns|verification time|stack depth|mark_precise|-- )/.test(line),
  );
  const reason = told.at(-1)?.trim() ?? 'the verifier gave no reason';
  const at = lines.findLastIndex((line) => INSTRUCTION.test(line));
  const [, index, text] = at < 0 ? [] : (INSTRUCTION.exec(lines[at]!) ?? []);
  if (index === undefined || text === undefined) return { reason, instruction: undefined };
  const source = lines
    .slice(0, at)
    .findLast((line) => line.startsWith('; '))
    ?.slice(2)
    .trim();
  return { reason, instruction: { index: Number(index), text, source } };
}
