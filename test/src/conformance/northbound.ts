import { parentOf, type StagePort, type StageSwitch } from './ports.js';

/** ovn-nbctl commands that make a switch, each after "--". */
export function northbound(made: StageSwitch, switches: Iterable<StageSwitch>): string[] {
  const { setup, ports } = made;
  const config = pairs(setup.otherConfig).map((pair) => `other_config:${pair}`);
  const once = new Map([...ports.values()].map((port) => [port.logical, port]));
  return [
    ...['--', 'ls-add', setup.name],
    ...(config.length > 0 ? ['--', 'set', 'Logical_Switch', setup.name, ...config] : []),
    ...[...once.values()].flatMap((port) => {
      const nested = port.parent ? [parentOf(switches, made, port.parent).logical, `${port.tag}`] : [];
      return portCommands(setup.name, port, nested);
    }),
    ...(setup.northbound ?? []),
  ];
}

function portCommands(
  switchName: string,
  { logical, addresses, portSecurity, enabled, type, options, parent, network, tag }: StagePort,
  nested: readonly string[],
): string[] {
  const all = pairs({ ...(network ? { network_name: network } : {}), ...options });
  return [
    ...['--', 'lsp-add', switchName, logical, ...nested],
    ...(type ? ['--', 'lsp-set-type', logical, type] : []),
    ...(all.length > 0 ? ['--', 'lsp-set-options', logical, ...all] : []),
    ...(tag !== undefined && !parent ? ['--', 'set', 'Logical_Switch_Port', logical, `tag=${tag}`] : []),
    ...(addresses ? ['--', 'lsp-set-addresses', logical, ...addresses] : []),
    ...(portSecurity ? ['--', 'lsp-set-port-security', logical, ...portSecurity] : []),
    ...(enabled === false ? ['--', 'lsp-set-enabled', logical, 'disabled'] : []),
  ];
}

const pairs = (map: Readonly<Record<string, string>> = {}): string[] =>
  Object.entries(map).map(([key, value]) => `${key}=${value}`);
