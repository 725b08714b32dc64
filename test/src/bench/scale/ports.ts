import type { Lab } from '../../lab/index.js';

export const SWITCHES = 100;

/** A port of the scale benchmark: number n is in switch n mod SWITCHES. */
export interface ScalePort {
  name: string;
  network: string;
  tap: string;
  address: string;
}

export function scalePort(n: number, switches = SWITCHES): ScalePort {
  const octets = [n >> 16, n >> 8, n].map((byte) => byte & 0xff);
  const mac = ['0a', '00', '00', ...octets.map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
  return {
    name: `p${n}`,
    network: `net${n % switches}`,
    tap: `t${n}`,
    address: `${mac} ${['10', ...octets].join('.')}`,
  };
}

/** ovn-nbctl commands that make ports with address and port security, each after "--". */
export const addCommands = (ports: readonly ScalePort[]): string[] =>
  ports.flatMap(({ name, network, address }) => [
    ...['--', 'lsp-add', network, name],
    ...['--', 'lsp-set-addresses', name, address],
    ...['--', 'lsp-set-port-security', name, address],
  ]);

/** Makes taps at a hypervisor and plugs them, as one ip(8) and one ovs-vsctl. */
export async function plug(lab: Lab, hypervisor: number, ports: readonly ScalePort[]): Promise<void> {
  const hv = lab.hv(hypervisor);
  await hv.netns.ip(...ports.flatMap(({ tap }) => [`tuntap add dev ${tap} mode tap`, `link set ${tap} up`]));
  // In this order: at the first add-port after a set, ovs-vsctl looks at all ports again.
  const commands = [
    ...ports.flatMap(({ tap }) => ['--', 'add-port', 'br-int', tap]),
    ...ports.flatMap(({ name, tap }) => ['--', 'set', 'Interface', tap, `external_ids:iface-id=${name}`]),
  ];
  await hv.vsctl('--timeout=120', ...commands.slice(1));
}

/** Resolves when all are up, as an event of the Northbound database. */
export async function whenUp(lab: Lab, ports: readonly ScalePort[], seconds = 120): Promise<void> {
  const waits = ports.flatMap(({ name }) => ['--', 'wait-until', 'Logical_Switch_Port', name, 'up=true']);
  await lab.nbctl(`--timeout=${seconds}`, ...waits.slice(1));
}
