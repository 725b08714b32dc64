import type { StagePort, StageSwitch } from './ports.js';

/** ovn-nbctl commands that make a switch, each after "--". */
export function northbound({ setup, ports }: StageSwitch): string[] {
  const config = pairs(setup.otherConfig).map((pair) => `other_config:${pair}`);
  const once = new Map([...ports.values()].map((port) => [port.logical, port]));
  return [
    ...['--', 'ls-add', setup.name],
    ...(config.length > 0 ? ['--', 'set', 'Logical_Switch', setup.name, ...config] : []),
    ...[...once.values()].flatMap((port) => portCommands(setup.name, ports, port)),
    ...(setup.northbound ?? []),
  ];
}

function portCommands(
  switchName: string,
  ports: StageSwitch['ports'],
  { logical, addresses, portSecurity, enabled, type, options, parent, network, tag }: StagePort,
): string[] {
  const nested = parent ? [ports.get(parent)!.logical, `${tag}`] : [];
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
