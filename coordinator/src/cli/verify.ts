import type { Difference, NodeVerify, VerifyList, VerifyRequest } from '@iovisor-ovn/proto';
import type { Command } from 'commander';
import { callAdmin } from './call.js';
import { Failure } from './failure.js';
import { type CliOptions, cliOptions } from './options.js';
import { printJson, printUnreachable } from './print.js';
import { type Column, orDash, printTable } from './table.js';

/** Longer than the coordinator waits for agents, round by round. */
const deadlineMs = 150_000;

interface Row {
  node: string;
  difference: Difference;
}

const columns: readonly Column<Row>[] = [
  { title: 'NODE', value: ({ node }) => node },
  { title: 'WHERE', value: ({ difference }) => difference.where, shrink: 1 },
  { title: 'KEY', value: ({ difference }) => orDash(difference.key), shrink: 2 },
  { title: 'WANTED', value: ({ difference }) => orDash(difference.wanted), shrink: 2 },
  { title: 'FOUND', value: ({ difference }) => orDash(difference.found), shrink: 2 },
  { title: 'OWNER', value: ({ difference }) => orDash(difference.owner), shrink: 1 },
];

/** Adds `iovctl verify`: exit status 0 only when every hypervisor answered and none differs. */
export function verify(program: Command): void {
  const command = program
    .command('verify')
    .description('compares the maps, programs and pins of hypervisors with what a fresh start would compute')
    .argument('[node]', 'only this hypervisor; default: all that are connected')
    .option('--repair', 'puts right what differs, and looks again');
  command.action(async (node: string | undefined) => {
    const options = cliOptions(command);
    const { repair = false } = command.opts<{ repair?: boolean }>();
    let repaired = 0;
    if (repair) {
      const first = await ask(options, { node: node ?? '', repair: true });
      repaired = first.nodes.reduce((sum, one) => sum + (one.report?.repaired ?? 0), 0);
      if (!options.json) print(first);
    }
    const reply = await ask(options, { node: node ?? '', repair: false });
    if (options.json) printJson({ ...reply, repaired });
    else {
      if (repair) console.log(`${repaired} repaired; looking again`);
      print(reply);
    }
    printUnreachable(reply.unreachableNodes);
    const failures = failuresOf(reply);
    if (failures.length > 0) throw new Failure(failures.join('; '));
  });
}

function ask(options: CliOptions, request: VerifyRequest): Promise<VerifyList> {
  return callAdmin(options, (client) => client.verify, request, deadlineMs);
}

function print({ nodes }: VerifyList): void {
  const rows = nodes.flatMap(({ node, report }) =>
    (report?.differences ?? []).map((difference) => ({ node, difference })),
  );
  if (rows.length > 0) printTable(columns, rows, '');
  for (const node of nodes) console.log(summary(node));
}

/** One hypervisor in a line. */
export function summary({ node, report, resources }: NodeVerify): string {
  if (report === undefined) return `${node}: no report`;
  if (report.error !== '') return `${node}: not compared: ${report.error}`;
  const { maps, entries, attachments, milliseconds, unsettled, more } = report;
  const differences = report.differences.length + more;
  const said = [
    `${differences === 0 ? 'no difference' : differences === 1 ? '1 difference' : `${differences} differences`}`,
    `${resources} resources, ${entries} entries of ${maps} maps and ${attachments} devices in ${milliseconds} ms`,
  ];
  if (unsettled > 0) said.push(`${unsettled} entries changed all the time and were not compared`);
  return `${node}: ${said.join('; ')}`;
}

function failuresOf({ nodes, unreachableNodes }: VerifyList): string[] {
  const differences = nodes.reduce(
    (sum, { report }) => sum + (report?.differences.length ?? 0) + (report?.more ?? 0),
    0,
  );
  const failures = [];
  if (nodes.length + unreachableNodes.length === 0) failures.push('no hypervisor is connected');
  if (differences > 0) failures.push(`${differences} ${differences === 1 ? 'difference' : 'differences'}`);
  const uncompared = nodes.filter(({ report }) => report === undefined || report.error !== '').length;
  if (uncompared > 0) failures.push(`${uncompared} not compared`);
  if (unreachableNodes.length > 0) failures.push(`no answer from ${unreachableNodes.length}`);
  return failures;
}
