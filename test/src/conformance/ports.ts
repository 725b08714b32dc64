import { all, beacons } from './host.js';
import type { PortSetup, SwitchSetup } from './table.js';
import type { Arrival } from './wire.js';

/** A port as it stands in the lab. */
export interface StagePort extends PortSetup {
  /** By which the table calls it, with its switch: "l2-a". */
  name: string;
  /** Logical_Switch_Port.name */
  logical: string;
  /** The machine's end of the cable, in the namespace of all machines; the parent's for a nested port. */
  device: string;
  /** Does what is sent to all reach it now? */
  deaf: boolean;
}

export interface StageSwitch {
  setup: SwitchSetup;
  /** By short name, with the beacons. */
  ports: ReadonlyMap<string, StagePort>;
}

/** The device of the test on a physical network. */
export const hostOn = (network: string): string => `w-${network}`;

/** Gives every port of every switch its device. */
export function numberPorts(setups: readonly SwitchSetup[]): StageSwitch[] {
  let devices = 0;
  const switches = setups.map((setup) => {
    const ports = new Map<string, StagePort>();
    const add = (short: string, port: PortSetup) =>
      ports.set(short, {
        ...port,
        name: `${setup.name}-${short}`,
        logical: `${setup.name}-${port.port ?? short}`,
        device: port.network ? hostOn(port.network) : `m${++devices}`,
        deaf: port.deaf ?? false,
      });
    for (const [short, port] of Object.entries(setup.ports)) add(short, port);
    for (const [short, { hv, host }] of Object.entries(beacons)) add(short, { hv, addresses: [all(host)] });
    return { setup, ports };
  });
  for (const made of switches)
    for (const port of made.ports.values())
      if (port.parent) port.device = parentOf(switches, made, port.parent).device;
  return switches;
}

/** By its short name in the same switch, or by its whole name in another one. */
export function parentOf(switches: Iterable<StageSwitch>, { ports }: StageSwitch, name: string): StagePort {
  const everywhere = [...switches].flatMap((one) => [...one.ports.values()]);
  const parent = ports.get(name) ?? everywhere.find((port) => port.name === name);
  if (!parent) throw new Error(`there is no port ${name}`);
  return parent;
}

/** Frames can be sent and received there. */
export const isPlugged = ({ plugged, type }: StagePort): boolean =>
  plugged !== false && type !== 'virtual' && type !== 'external';

/** It has a cable of its own, with a tap at its hypervisor. */
export const hasCable = (port: StagePort): boolean => isPlugged(port) && !port.network && !port.parent;

/** Ports at which frames can arrive. */
export const openPorts = ({ ports }: StageSwitch): StagePort[] =>
  [...ports.values()].filter((port) => isPlugged(port) && port.enabled !== false);

/** Whom a broadcast of `sender` reaches. */
export const hearers = (made: StageSwitch, sender: StagePort): StagePort[] =>
  openPorts(made).filter(
    (port) =>
      port !== sender &&
      !port.deaf &&
      // What has to do with a localport stays on its hypervisor; what comes from the wire arrives on both.
      ((port.type !== 'localport' && sender.type !== 'localport') ||
        port.hv === sender.hv ||
        sender.type === 'localnet'),
  );

/** A frame of a port as it is on the cable: with the port's VLAN tag. */
export function onCable({ device, tag }: StagePort, frame: Buffer): Arrival {
  if (tag === undefined) return { device, frame };
  const vlan = Buffer.from([0x81, 0x00, tag >> 8, tag & 0xff]);
  return { device, frame: Buffer.concat([frame.subarray(0, 12), vlan, frame.subarray(12)]) };
}
