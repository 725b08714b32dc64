import type { Cloud } from './cloud.js';

export const SWITCH = 'bench';
export const HYPERVISORS = 2;

/** A logical port of the benchmark's switch: number n sits at hypervisor n mod 2. */
export interface Port {
  name: string;
  tap: string;
  hypervisor: number;
  mac: string;
  ip: string;
}

export function port(n: number): Port {
  const octets = [n >> 16, n >> 8, n].map((byte) => byte & 0xff);
  return {
    name: `port${n}`,
    tap: `tap${n}`,
    hypervisor: n % HYPERVISORS,
    mac: ['02', '00', '00', ...octets.map((byte) => byte.toString(16).padStart(2, '0'))].join(':'),
    ip: ['10', ...octets].join('.'),
  };
}

/** ovn-nbctl commands that make the port as a cloud would: address and port security. */
export function addCommands(p: Port): string[] {
  const address = `${p.mac} ${p.ip}`;
  return [
    ...['--', 'lsp-add', SWITCH, p.name],
    ...['--', 'lsp-set-addresses', p.name, address],
    ...['--', 'lsp-set-port-security', p.name, address],
  ];
}

/** Plugs ports, tells nobody of them in the Northbound DB. */
export async function plugPorts(cloud: Cloud, ports: readonly Port[]): Promise<void> {
  for (let hypervisor = 0; hypervisor < HYPERVISORS; hypervisor++) {
    const here = ports.filter((p) => p.hypervisor === hypervisor);
    if (here.length)
      await cloud.plug(
        hypervisor,
        here.map((p) => ({ tap: p.tap, ifaceId: p.name })),
      );
  }
}

/** Makes and plugs ports number `first` to `end - 1`, and resolves when every one of them is up. */
export async function addPorts(cloud: Cloud, first: number, end: number): Promise<void> {
  const ports = Array.from({ length: end - first }, (_, i) => port(first + i));
  await plugPorts(cloud, ports);
  await cloud.nbctl(
    '--timeout=300',
    '--wait=hv',
    '--may-exist',
    'ls-add',
    SWITCH,
    ...ports.flatMap(addCommands),
  );
  await waitUntilUp(cloud, ports);
}

const UP_SECONDS = 60;

/** Waits for all; says which ones did not come up. */
async function waitUntilUp(cloud: Cloud, ports: readonly Port[]): Promise<void> {
  // In parts: a command line has its limits.
  for (const part of chunks(ports, 200)) {
    const waits = part.flatMap((p) => ['--', 'wait-until', 'Logical_Switch_Port', p.name, 'up=true']);
    try {
      await cloud.nbctl(`--timeout=${UP_SECONDS}`, ...waits.slice(1));
    } catch {
      const down = await cloud.nbctl('--bare', '--columns=name', 'find', 'Logical_Switch_Port', 'up!=true');
      const names = down.split('\n').filter((name) => name !== '');
      throw new Error(
        `${cloud.name}: ${names.length} ports not up after ${UP_SECONDS} s: ${names.slice(0, 10).join(' ')} …`,
      );
    }
  }
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}
