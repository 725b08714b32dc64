/** A logical switch port as the fuzzer makes it. */
export interface PortSpec {
  /** Unique in the network: "s1p3". */
  name: string;
  /** Logical_Switch_Port.addresses, as written. */
  addresses: readonly string[];
  /** Logical_Switch_Port.port_security, as written. */
  portSecurity: readonly string[];
  /** Logical_Switch_Port.enabled; undefined: the column is empty. */
  enabled?: boolean;
  /** Logical_Switch_Port.type. A localport is plugged in on both hypervisors. */
  type?: 'localport';
  /** Number of the hypervisor where it is plugged in; 0: nowhere. Of a localport it says nothing. */
  hv: 0 | 1 | 2;
}

export interface SwitchSpec {
  name: string;
  /** Logical_Switch.other_config */
  otherConfig: Readonly<Record<string, string>>;
  ports: readonly PortSpec[];
}

/** All that Northbound says, and where the ports are plugged in. */
export interface NetworkSpec {
  /** NB_Global.options:ignore_lsp_down; undefined: not set. */
  ignoreLspDown?: 'true' | 'false';
  switches: readonly SwitchSpec[];
}

export function portsOf(network: NetworkSpec): PortSpec[] {
  return network.switches.flatMap(({ ports }) => ports);
}

/** Whether the port has a device on that hypervisor. */
export function isAt(port: PortSpec, hv: number): boolean {
  return port.type === 'localport' || port.hv === hv;
}

export function switchOf(network: NetworkSpec, port: string): SwitchSpec {
  const found = network.switches.find(({ ports }) => ports.some(({ name }) => name === port));
  if (found === undefined) throw new Error(`no switch has a port ${port}`);
  return found;
}

export function portNamed(network: NetworkSpec, name: string): PortSpec {
  const port = portsOf(network).find((candidate) => candidate.name === name);
  if (port === undefined) throw new Error(`there is no port ${name}`);
  return port;
}

/** With this prefix northd's choice of dynamic MACs follows from the addresses. */
const MAC_PREFIX = '0a:00:00';

/**
 * Commands of ovn-nbctl that make the network but for its port security, each a list of arguments.
 * @param prefix put before every name
 */
export function creation(network: NetworkSpec, prefix = ''): string[][] {
  const { ignoreLspDown } = network;
  const options = [`options:mac_prefix=${MAC_PREFIX}`, `options:ignore_lsp_down=${ignoreLspDown ?? 'true'}`];
  return [
    ['set', 'NB_Global', '.', ...options],
    ...network.switches.flatMap((made) => switchCommands(made, prefix)),
  ];
}

/** Those that set port security. */
export function securing(network: NetworkSpec, prefix = ''): string[][] {
  return portsOf(network)
    .filter(({ portSecurity }) => portSecurity.length > 0)
    .map(({ name, portSecurity }) => [
      'set',
      'Logical_Switch_Port',
      prefix + name,
      `port_security=${setOf(portSecurity)}`,
    ]);
}

function switchCommands({ name, otherConfig, ports }: SwitchSpec, prefix: string): string[][] {
  const config = Object.entries(otherConfig).map(([key, value]) => `other_config:${key}=${quoted(value)}`);
  return [
    ['ls-add', prefix + name],
    ...(config.length > 0 ? [['set', 'Logical_Switch', prefix + name, ...config]] : []),
    ...ports.flatMap((port) => portCommands(port, prefix + name, prefix)),
  ];
}

function portCommands(port: PortSpec, owner: string, prefix: string): string[][] {
  const columns = [
    ...(port.addresses.length > 0 ? [`addresses=${setOf(port.addresses)}`] : []),
    ...(port.type === undefined ? [] : [`type=${port.type}`]),
    ...(port.enabled === undefined ? [] : [`enabled=${port.enabled}`]),
  ];
  const set = ['set', 'Logical_Switch_Port', prefix + port.name, ...columns];
  return [['lsp-add', owner, prefix + port.name], ...(columns.length > 0 ? [set] : [])];
}

const quoted = (text: string): string => JSON.stringify(text);
const setOf = (elements: readonly string[]): string => `[${elements.map(quoted).join(',')}]`;

/** One transaction of ovn-nbctl. */
export function joined(commands: readonly (readonly string[])[]): string[] {
  return commands.flatMap((command) => ['--', ...command]).slice(1);
}

/** The network as a person would type it, for a report. */
export function shellCommands(network: NetworkSpec): string[] {
  const nbctl = [...creation(network), ...securing(network)].map(
    (command) => `ovn-nbctl ${command.map(shellWord).join(' ')}`,
  );
  const plugged = portsOf(network).map(({ name, hv, type }) =>
    type === 'localport'
      ? `# ${name} is plugged in on both`
      : hv === 0
        ? `# ${name} is not plugged in`
        : `# ${name} is plugged in on hv${hv}`,
  );
  return [...nbctl, ...plugged];
}

function shellWord(word: string): string {
  return /^[\w.:=,/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
