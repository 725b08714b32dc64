import { Argument, type Command, Option } from 'commander';
import { parseAddress } from '../../config/address.js';
import { quiet, UsageError } from '../../config/settings.js';
import { completes } from '../completion/kinds.js';
import { cliOptions } from '../options.js';
import { printJson } from '../print.js';
import { documentJson } from '../reference/json-shapes.js';
import { printTable } from '../table.js';
import { applyPlan } from './apply.js';
import { type DrawFlags, draw, drawingFormats } from './draw.js';
import { HoverClient, type HoverLink, type HoverModule } from './hover-client.js';
import { describe, ownModules, type Present, planTopology } from './plan.js';
import { readTopology } from './topology-file.js';

const help = `
Without a subcommand the logical network is drawn, with the hypervisors and the chain of IOModules of each port:
  iovctl topology --format svg > network.svg
  iovctl topology --format dot --switch sw0 | dot -Tpdf > sw0.pdf
The subcommands are for one host and need no OVN: chains of IOModules from a YAML file, by the Hover API of the agent there.`;

/** Adds `iovctl topology`: draws what there is; and makes chains of IOModules on one host, without OVN, from YAML files. */
export function topology(program: Command): void {
  const group = program
    .command('topology')
    .description(
      'draws logical network, hypervisors and IOModule chains; or makes chains on one host from a YAML file',
    )
    .addOption(
      new Option('--format <FORMAT>', 'language of the drawing').choices(drawingFormats).default('mermaid'),
    )
    .addOption(completes('switch', new Option('--switch <NAME>', 'draw only this logical switch')))
    .addOption(completes('node', new Option('--node <CHASSIS>', 'draw only ports of this hypervisor')))
    .option(
      '--hover <ADDR>',
      'Hover API of the agent, HOST:PORT or unix:PATH (IOVISOR_HOVER; default: 127.0.0.1:5002)',
    )
    .allowExcessArguments()
    .addHelpText('after', help)
    .action(async (_flags, command: Command) => {
      const [unknown] = command.args;
      if (unknown !== undefined)
        throw new UsageError(
          `topology ${unknown}: there are apply, diff, delete and show; see iovctl topology --help`,
        );
      await draw(cliOptions(command), command.opts<DrawFlags>());
    });
  documentJson(group, {
    text: 'The drawing as data: `routers`, `switches`, `hypervisors` and `ports` with their `id`s, and `links` between routers and switches.',
  });
  const add = (
    name: string,
    description: string,
    action: (session: Session, file: string) => Promise<void>,
  ) => {
    const command = group
      .command(name)
      .description(description)
      .addArgument(completes('file', new Argument('<file>', 'YAML file')));
    command.action((file: string) => action(session(command), file));
    quiet(command).allowExcessArguments(false);
  };
  add('apply', 'makes what is in the file, and removes what the file had before', apply);
  add('diff', 'what apply would do; exit status 1 when that is something', diff);
  add('delete', 'removes everything of the file', remove);
  const show = group.command('show').description('all modules and links of the host');
  show.action(() => showAll(session(show)));
  quiet(show).allowExcessArguments(false);
}

interface Session {
  hover: HoverClient;
  json: boolean;
}

function session(command: Command): Session {
  const { hover } = command.optsWithGlobals<{ hover?: string }>();
  const address = parseAddress('hover', hover ?? (process.env.IOVISOR_HOVER || '127.0.0.1:5002'));
  const options = cliOptions(command);
  return { hover: new HoverClient(address, options), json: options.json };
}

async function presentOf(hover: HoverClient): Promise<Present> {
  return { modules: await hover.modules(), links: await hover.links() };
}

async function apply({ hover, json }: Session, file: string): Promise<void> {
  const wanted = readTopology(file);
  const plan = planTopology(wanted, await presentOf(hover));
  const lines = describe(plan);
  await applyPlan(hover, wanted, plan);
  if (json) printJson(lines);
  else console.log(lines.length === 0 ? 'nothing to do' : lines.join('\n'));
}

async function diff({ hover, json }: Session, file: string): Promise<void> {
  const lines = describe(planTopology(readTopology(file), await presentOf(hover)));
  if (json) printJson(lines);
  else if (lines.length > 0) console.log(lines.join('\n'));
  if (lines.length > 0) process.exitCode = 1;
}

async function remove({ hover, json }: Session, file: string): Promise<void> {
  const { name } = readTopology(file);
  const own = ownModules(name, await presentOf(hover));
  for (const { id } of own) await hover.remove('modules', id);
  const lines = own.map(
    ({ display_name, id, module_type }) => `- module ${display_name} (${id}, ${module_type})`,
  );
  if (json) printJson(lines);
  else console.log(lines.length === 0 ? 'nothing to do' : lines.join('\n'));
}

async function showAll({ hover, json }: Session): Promise<void> {
  const present = await presentOf(hover);
  if (json) {
    printJson(present);
    return;
  }
  const names = new Map(present.modules.map(({ id, display_name }) => [id, display_name]));
  const end = (path: string, port: number) => {
    const name = names.get(path);
    return path.startsWith('i:') ? path : `${path}${name ? ` ${name}` : ''} port ${port}`;
  };
  printTable<HoverModule>(
    [
      { title: 'MODULE', value: ({ id }) => id },
      { title: 'NAME', value: ({ display_name }) => display_name, shrink: 1 },
      { title: 'TYPE', value: ({ module_type }) => module_type },
      { title: 'TAGS', value: ({ tags }) => tags?.join(' ') || '-', shrink: 1 },
    ],
    present.modules,
    'no modules',
  );
  console.log('');
  printTable<HoverLink>(
    [
      { title: 'LINK', value: ({ id }) => id },
      { title: 'FROM', value: (link) => end(link.from, link['from-id']), shrink: 1 },
      { title: 'TO', value: (link) => end(link.to, link['to-id']), shrink: 1 },
    ],
    present.links,
    'no links',
  );
}
