import { Lab, type LabOptions, type MachineSpec } from '../../lab/index.js';

/** Machine n of every network here: 02:00:00:00:00:0n, 10.0.0.n, fd00::n. */
export const mac = (n: number): string => `02:00:00:00:00:${n.toString(16).padStart(2, '0')}`;
export const ip4 = (n: number): string => `10.0.0.${n}`;
export const ip6 = (n: number): string => `fd00::${n.toString(16)}`;
/** As `addresses` and `port_security` want it. */
export const addresses = (n: number): string => `${mac(n)} ${ip4(n)} ${ip6(n)}`;

/** What machine n is, wherever it is plugged. */
export const spec = (n: number): MachineSpec => ({
  name: `vm${n}`,
  mac: mac(n),
  addresses: [`${ip4(n)}/24`, `${ip6(n)}/64`],
});

/** ovn-nbctl arguments that make port vm<n>. */
export const port = (network: string, n: number): string[] => [
  ...['--', 'lsp-add', network, `vm${n}`],
  ...['--', 'lsp-set-addresses', `vm${n}`, addresses(n)],
];

/** The same with port security. */
export const securePort = (network: string, n: number): string[] => [
  ...port(network, n),
  ...['--', 'lsp-set-port-security', `vm${n}`, addresses(n)],
];

export interface NetworkOptions extends LabOptions {
  /** Which machine is where: { 1: 1, 2: 1, 3: 2 } is vm1 and vm2 on hv1, vm3 on hv2 (the default). */
  machines?: Record<number, number>;
  portSecurity?: boolean;
}

/** A lab with the switch `sw0`, its ports, and machines plugged in; everything is up. */
export async function network(o: NetworkOptions = {}): Promise<Lab> {
  const { machines = { 1: 1, 2: 1, 3: 2 }, portSecurity = false, ...labOptions } = o;
  const lab = await Lab.create(labOptions);
  try {
    const numbers = Object.keys(machines).map(Number);
    await lab.nbctl('ls-add', 'sw0', ...numbers.flatMap((n) => (portSecurity ? securePort : port)('sw0', n)));
    for (const n of numbers) await lab.addMachine(lab.hv(machines[n]!), spec(n));
    await lab.portsUp(...numbers.map((n) => `vm${n}`));
    await lab.sync();
    return lab;
  } catch (error) {
    await lab.destroy();
    throw error;
  }
}
