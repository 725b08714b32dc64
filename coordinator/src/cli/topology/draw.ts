import type { ListRequest } from '@iovisor-ovn/proto';
import { Failure } from '../failure.js';
import { fetchList, type ListSpec } from '../list-command.js';
import { nodes } from '../nodes.js';
import type { CliOptions } from '../options.js';
import { ports } from '../ports.js';
import { printJson, printUnreachable } from '../print.js';
import { routers } from '../routers.js';
import { switches } from '../switches.js';
import { dot } from './dot.js';
import { type Drawing, drawingOf } from './drawing.js';
import { mermaid } from './mermaid.js';
import { svg } from './svg.js';

export const drawingFormats = ['dot', 'mermaid', 'svg'] as const;
type Format = (typeof drawingFormats)[number];

export interface DrawFlags {
  format: Format;
  switch?: string;
  node?: string;
}

/** Nobody can read more. */
const mostPorts = 2000;

const renderers: Readonly<Record<Format, (drawing: Drawing) => string>> = { dot, mermaid, svg };

/** Draws logical network, hypervisors and chains. */
export async function draw(options: CliOptions, flags: DrawFlags): Promise<void> {
  const only = { switch: flags.switch ?? '', node: flags.node ?? '' };
  const all: ListRequest = { node: '', name: '' };
  const fetch = <Reply, Row>(list: ListSpec<Reply, Row>, request: ListRequest) =>
    fetchList(list, options, request);
  const [routerRows, switchRows, nodeRows, portRows] = await Promise.all([
    fetch(routers, all),
    fetch(switches, { node: '', name: only.switch }),
    fetch(nodes, { node: only.node, name: '' }),
    fetch(ports, all),
  ]);
  if (only.switch !== '' && switchRows.rows.length === 0)
    throw new Failure(`there is no logical switch "${only.switch}"`);
  if (only.node !== '' && nodeRows.rows.length === 0)
    throw new Failure(`there is no hypervisor "${only.node}" in Southbound`);
  const inventory = {
    routers: routerRows.rows,
    switches: switchRows.rows,
    nodes: nodeRows.rows,
    ports: portRows.rows,
  };
  const drawing = drawingOf(inventory, only);
  if (options.json) printJson(drawing);
  else if (drawing.ports.length > mostPorts)
    throw new Failure(
      `${drawing.ports.length} ports are too many for a drawing; limit it with --switch or --node`,
    );
  else console.log(renderers[flags.format](drawing));
  printUnreachable(portRows.unreachable);
}
