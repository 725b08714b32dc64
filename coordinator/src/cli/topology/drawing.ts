import type { Node, Port, Router, Switch } from '@iovisor-ovn/proto';
import { clean, truncate } from '../terminal.js';

/** What is drawn. Ids are made here and safe in every language; texts are cleaned of control characters, and short. */
export interface Drawing {
  routers: Item[];
  switches: Item[];
  /** Hypervisors, and last one for ports that are nowhere, if any are. */
  hypervisors: Item[];
  ports: DrawnPort[];
  /** Between a router and a switch. */
  links: { router: string; switch: string; text: string }[];
}

export interface Item {
  id: string;
  name: string;
  /** Further lines. */
  notes: string[];
}

export interface DrawnPort extends Item {
  switch: string;
  hypervisor: string;
  up: boolean;
}

export interface Inventory {
  routers: readonly Router[];
  switches: readonly Switch[];
  nodes: readonly Node[];
  ports: readonly Port[];
}

/** Names are as long as they like; a drawing is not. */
const longest = 60;
const label = (text: string) => truncate(clean(text), longest);

/** @param only names of the only switch and hypervisor to be drawn; empty: all */
export function drawingOf(inventory: Inventory, only: { switch: string; node: string }): Drawing {
  const chosen = inventory.ports.filter(
    (port) =>
      (only.switch === '' || port.switchName === only.switch) &&
      (only.node === '' || port.node === only.node || port.type === 'router'),
  );
  // With one hypervisor: its ports' switches, and the routers of those.
  const used = new Set(chosen.filter(({ type }) => type !== 'router').map(({ switchName }) => switchName));
  const shown = inventory.switches.filter(({ name }) =>
    only.switch !== '' ? name === only.switch : only.node === '' || used.has(name),
  );
  const switches = new Map(shown.map((one, index) => [one.name, switchItem(one, `s${index}`)]));
  const ports = chosen.filter(({ switchName }) => switches.has(switchName));
  const { routers, links } = routing(inventory.routers, ports, switches, only);
  const machines = ports.filter(({ type }) => type !== 'router');
  const present = new Set(machines.map(({ node }) => node));
  const nodes = inventory.nodes.filter(({ chassis }) =>
    only.node !== '' ? chassis === only.node : only.switch === '' || present.has(chassis),
  );
  const hypervisors = new Map(nodes.map((one, index) => [one.chassis, nodeItem(one, `h${index}`)]));
  const nowhere = { id: 'nowhere', name: 'on no hypervisor', notes: [] };
  if (machines.some(({ node }) => !hypervisors.has(node))) hypervisors.set('', nowhere);
  return {
    routers,
    switches: [...switches.values()],
    hypervisors: [...hypervisors.values()],
    ports: machines.map((port, index) => ({
      id: `p${index}`,
      name: label(port.name),
      notes: portNotes(port),
      switch: switches.get(port.switchName)!.id,
      hypervisor: (hypervisors.get(port.node) ?? nowhere).id,
      up: port.up,
    })),
    links,
  };
}

function routing(
  all: readonly Router[],
  ports: readonly Port[],
  switches: ReadonlyMap<string, Item>,
  only: { switch: string; node: string },
): Pick<Drawing, 'routers' | 'links'> {
  const owners = new Map(all.flatMap((router) => router.ports.map((name) => [name, router] as const)));
  const ends = ports
    .filter(({ type, peer }) => type === 'router' && owners.has(peer))
    .map((port) => ({ port, router: owners.get(port.peer)! }));
  const joined = new Set(ends.map(({ router }) => router));
  const limited = only.switch !== '' || only.node !== '';
  const shown = all.filter((router) => !limited || joined.has(router));
  const items = new Map(shown.map((router, index) => [router, routerItem(router, `r${index}`)]));
  const links = ends.map(({ port, router }) => ({
    router: items.get(router)!.id,
    switch: switches.get(port.switchName)!.id,
    text: label(port.peer),
  }));
  return { routers: [...items.values()], links };
}

function routerItem({ name, gateways, problem }: Router, id: string): Item {
  const notes = [
    gateways.length > 0 ? `gateway ${gateways.join(' ')}` : '',
    problem === '' ? '' : 'not routed yet',
  ];
  return { id, name: label(name), notes: notes.filter(Boolean).map(label) };
}

function switchItem({ name, tunnelKey, ports }: Switch, id: string): Item {
  return { id, name: label(name), notes: [`key ${tunnelKey}, ${ports} port${ports === 1 ? '' : 's'}`] };
}

function nodeItem({ chassis, encaps, kind, connected }: Node, id: string): Item {
  const state = kind === 'iovisor' ? (connected ? '' : 'not connected') : `stock ${kind}`;
  return { id, name: label(chassis), notes: [encaps, state].filter(Boolean).map(label) };
}

function portNotes({ type, local, up }: Port): string[] {
  const notes = [
    type === '' ? '' : `type ${type}`,
    local?.tap ? `tap ${local.tap}` : '',
    local?.instances.join(' → ') ?? '',
    up || type !== '' ? '' : 'down',
  ];
  return notes.filter(Boolean).map(label);
}
