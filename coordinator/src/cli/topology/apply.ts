import { Failure } from '../failure.js';
import { type HoverClient, Refused } from './hover-client.js';
import { type Plan, tagOf } from './plan.js';
import type { Topology, WantedModule } from './topology-file.js';

/**
 * Does what the plan says. When something fails, everything is taken back, the last first; modules that are not wanted any more
 * go at the very end, since what they learned could not be brought back. Throws Failure.
 */
export async function applyPlan(hover: HoverClient, topology: Topology, plan: Plan): Promise<void> {
  const undo: (() => Promise<unknown>)[] = [];
  try {
    await perform(hover, topology, plan, undo);
  } catch (error) {
    const left = await takeBack(undo);
    const message = error instanceof Error ? error.message : String(error);
    throw new Failure(
      left.length === 0 ? message : `${message}; and it could not be taken back: ${left.join('; ')}`,
    );
  }
  for (const { id } of plan.remove) await hover.remove('modules', id);
}

async function perform(hover: HoverClient, topology: Topology, plan: Plan, undo: (() => Promise<unknown>)[]) {
  const ids = new Map([...plan.kept].map(([name, { id }]) => [name, id]));
  for (const wanted of plan.create) {
    const { id } = await deploy(hover, topology, wanted);
    ids.set(wanted.name, id);
    undo.push(() => hover.remove('modules', id));
  }
  for (const { id, from, to } of plan.unlink) {
    await hover.remove('links', id);
    undo.push(() => hover.createLink(from, to));
  }
  const pathOf = (end: string) => ids.get(end) ?? end;
  for (const { from, to } of plan.link) {
    const { id } = await naming(
      `Error linking Modules '${from}' -> '${to}'`,
      hover.createLink(pathOf(from), pathOf(to)),
    );
    undo.push(() => hover.remove('links', id));
  }
  const tags = [tagOf(topology.name)];
  for (const { name, config } of plan.create) {
    if (config === undefined || config.code !== undefined) continue;
    const changed = { id: ids.get(name)!, display_name: name, tags, config };
    await naming(`Error configuring Module '${name}'`, hover.updateModule(changed));
  }
  for (const { module, config } of plan.configure) {
    const what = `Error configuring Module '${module.display_name}'`;
    await naming(what, hover.updateModule({ ...module, config }));
    undo.push(() => hover.updateModule(module));
  }
}

/** A built-in module is configured when it has its links: their ports are named by them. */
async function deploy(hover: HoverClient, topology: Topology, { name, type, config }: WantedModule) {
  const code = config?.code === undefined ? undefined : config;
  const module = { module_type: type, display_name: name, tags: [tagOf(topology.name)], config: code };
  try {
    return await hover.createModule(module);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.message.startsWith('unknown ModuleType'))
      throw new Failure(`Invalid module type '${type}' for module '${name}'`);
    throw new Failure(`Error deploying module '${name}': ${error.message}`);
  }
}

async function naming<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Refused) throw new Failure(`${what}: ${error.message}`);
    throw error;
  }
}

/** Returns what could not be undone. */
async function takeBack(undo: (() => Promise<unknown>)[]): Promise<string[]> {
  const left: string[] = [];
  for (const step of undo.reverse()) {
    try {
      await step();
    } catch (error) {
      left.push((error as Error).message);
    }
  }
  return left;
}
