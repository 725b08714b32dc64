import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { version as kernelVersion, release } from 'node:os';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import type {
  LogLevelList,
  LogLevelRequest,
  Node,
  NodeDetail,
  NodeRequest,
  Status,
} from '@iovisor-ovn/proto';
import { Argument, type Command } from 'commander';
import { version } from '../version.js';
import { callAdmin } from './call.js';
import { completes } from './completion/kinds.js';
import { exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { fetchList } from './list-command.js';
import { lists } from './lists.js';
import { nodeText } from './node.js';
import { type CliOptions, cliOptions } from './options.js';
import { jsonText, printJson } from './print.js';
import { documentJson } from './reference/json-shapes.js';
import { statusText } from './status.js';
import { tableText } from './table.js';
import { type TarFile, tar } from './tar.js';
import { clean } from './terminal.js';

const units = ['iovisor-coordinator', 'iovisor-agent'];
const journalLines = 5000;
/** Of so many hypervisors the details are asked for. */
const mostNodes = 100;

const help = `
The archive has what the lists of iovctl show (as JSON and as text), each hypervisor in detail, versions, log levels, and of this
machine's journal, where there is one, the last ${journalLines} lines of ${units.join(' and ')}. Names, MAC and IP addresses are in it.
No keys, no certificates, no configuration files, no packets but the last dropped ones' headers. README.txt in it says the same.`;

/** Adds `iovctl bugreport`. */
export function bugreport(program: Command): void {
  const command = program
    .command('bugreport')
    .description('an archive with what one has to know to find out what is wrong')
    .addArgument(
      completes('file', new Argument('[file]', 'to be made; default: iovisor-bugreport-TIME.tar.gz here')),
    )
    .addHelpText('after', help);
  documentJson(command, {
    text: '`file`, `contents` (names of the files in it) and `missing` (what could not be had, and why).',
  });
  command.action(async (file?: string) => {
    const options = cliOptions(command);
    const now = new Date();
    const stamp = now.toISOString().replace(/[-:]|\.\d+/g, '');
    const path = file ?? `iovisor-bugreport-${stamp}.tar.gz`;
    const report = new Report(options, now);
    const files = await report.collect();
    write(path, gzipSync(tar(files, now)));
    const contents = files.map(({ name }) => name);
    const { missing } = report;
    if (options.json) printJson({ file: path, contents, missing });
    else console.log(`${clean(path)}: ${contents.length} files; it has names and addresses, and no keys`);
    if (missing.length > 0) throw new Failure(`not complete: ${missing.join('; ')}`, exit.incomplete);
  });
}

function write(path: string, bytes: Buffer): void {
  try {
    // It tells of somebody's network; and an earlier one may still be wanted.
    writeFileSync(path, bytes, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw new Failure(`${path}: ${(error as Error).message}`);
  }
}

class Report {
  readonly missing: string[] = [];
  readonly #options: CliOptions;
  readonly #now: Date;
  readonly #files: TarFile[] = [];

  constructor(options: CliOptions, now: Date) {
    this.#options = options;
    this.#now = now;
  }

  async collect(): Promise<TarFile[]> {
    const nodes = (await this.#coordinator()) ? await this.#lists() : [];
    await this.#details(nodes);
    await this.#journal();
    this.#add('versions', this.#versions());
    return [{ name: 'README.txt', content: this.#readme() }, ...this.#files];
  }

  /** False when no coordinator answers: then nothing else is asked for. */
  async #coordinator(): Promise<boolean> {
    return this.#try('status', async () => {
      const options = this.#options;
      const status = await callAdmin<object, Status>(options, (client) => client.getStatus, {});
      this.#add('status', status, statusText(status, options.address));
      await this.#try('log-level', async () => {
        const levels = await callAdmin<LogLevelRequest, LogLevelList>(
          options,
          (client) => client.getLogLevel,
          { node: '' },
        );
        this.#add('log-level', levels.levels);
      });
    });
  }

  /** Returns the names of the hypervisors that run our agent. */
  async #lists(): Promise<string[]> {
    let nodes: string[] = [];
    for (const list of lists)
      await this.#try(list.name, async () => {
        const { rows, unreachable } = await fetchList(list, this.#options, { node: '', name: '' });
        this.#add(list.name, rows, tableText(list.columns, rows, list.none, 0));
        if (unreachable.length > 0)
          this.missing.push(`${list.name}: no answer from ${unreachable.join(', ')}`);
        if (list.name === 'nodes') nodes = (rows as Node[]).map(({ chassis }) => chassis);
      });
    return nodes;
  }

  async #details(nodes: readonly string[]): Promise<void> {
    if (nodes.length > mostNodes)
      this.missing.push(`details of hypervisors but the first ${mostNodes} of ${nodes.length}`);
    for (const [index, name] of nodes.slice(0, mostNodes).entries())
      await this.#try(`node ${name}`, async () => {
        const detail = await callAdmin<NodeRequest, NodeDetail>(this.#options, (client) => client.getNode, {
          name,
        });
        // Names may be anything; those of files may not.
        this.#add(`nodes/${String(index).padStart(3, '0')}`, detail, nodeText(detail));
      });
  }

  async #journal(): Promise<void> {
    const args = [
      '--no-pager',
      '-o',
      'short-iso',
      '-n',
      String(journalLines),
      ...units.flatMap((one) => ['-u', one]),
    ];
    const text = await promisify(execFile)('journalctl', args, { maxBuffer: 64 << 20, timeout: 20_000 }).then(
      ({ stdout }) => stdout,
      () => undefined,
    );
    if (text !== undefined) this.#files.push({ name: 'journal.txt', content: withoutKeys(text) });
  }

  #versions(): unknown {
    return {
      iovctl: version,
      coordinator: this.#options.address,
      node: process.version,
      kernel: release(),
      system: kernelVersion(),
      time: this.#now.toISOString(),
    };
  }

  #add(name: string, value: unknown, text?: string): void {
    this.#files.push({ name: `${name}.json`, content: `${withoutKeys(jsonText(value, 2))}\n` });
    if (text !== undefined) this.#files.push({ name: `${name}.txt`, content: `${withoutKeys(text)}\n` });
  }

  async #try(what: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.missing.push(`${what}: ${(error as Error).message}`);
      return false;
    }
  }

  #readme(): string {
    const lines = [
      `IOVisor-OVN bug report, made by iovctl ${version} at ${this.#now.toISOString()}`,
      `of the coordinator at ${this.#options.address}.`,
      help.trimStart(),
      '',
      'Files:',
      ...this.#files.map(({ name }) => `  ${name}`),
      '',
      'Missing:',
      ...(this.missing.length > 0 ? this.missing.map((one) => `  ${clean(one)}`) : ['  nothing']),
    ];
    return `${lines.join('\n')}\n`;
  }
}

/** Nothing of ours writes a key anywhere; should somebody have put one into a name or a comment, it does not leave by us. */
export function withoutKeys(text: string): string {
  return text.replace(
    /-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[\s\S]{0,20000}?-----END [A-Z ]*PRIVATE KEY-----)?/g,
    '(a private key was here)',
  );
}
