/** One option: a flag, an environment variable and a key of the YAML file, all of the same name. */
export interface OptionSpec {
  /** As in the flag, without dashes: `tls-cert`. */
  name: string;
  /** Placeholder of the value; absent: a switch that is on or off. */
  value?: string;
  default?: string;
  description: string;
}

export const OPTIONS = [
  {
    name: 'ovsdb',
    value: 'REMOTE',
    default: 'unix:/var/run/openvswitch/db.sock',
    description: 'local Open_vSwitch database: unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT',
  },
  {
    name: 'coordinator',
    value: 'ADDR[,ADDR…]',
    description:
      'coordinators, HOST:PORT or unix:PATH (default: external_ids:iovisor-coordinator of the Open_vSwitch row)',
  },
  {
    name: 'bpffs',
    value: 'DIR',
    default: '/sys/fs/bpf/iovisor',
    description: 'directory in a BPF file system for what outlives the agent; one per agent',
  },
  {
    name: 'hook',
    value: 'tcx|clsact|auto',
    default: 'auto',
    description: 'how programs are attached to devices',
  },
  {
    name: 'hover',
    value: 'ADDR',
    default: '127.0.0.1:5002',
    description: 'Hover-compatible REST API; none: off',
  },
  {
    name: 'hover-client-ca',
    value: 'FILE',
    description:
      'certificates of the authority that signed the clients of the Hover API; wanted when --hover is no loopback address and no unix socket',
  },
  {
    name: 'hover-allow-ovn-ports',
    description: 'modules loaded by hand may be linked to interfaces that belong to OVN, too',
  },
  {
    name: 'health',
    value: 'ADDR',
    description:
      'gRPC health service; none: off (default: unix:/run/iovisor/agent.sock, with the name of another --bpffs in it: agent-NAME.sock)',
  },
  { name: 'metrics', value: 'ADDR', default: 'none', description: 'Prometheus metrics; none: off' },
  {
    name: 'metrics-ports',
    value: 'COUNT',
    default: '2000',
    description: 'how many logical ports have metrics of their own; the rest is added up as port="others"',
  },
  {
    name: 'tls-cert',
    value: 'FILE',
    description: 'certificate; its common name is the chassis name, as system-id says it',
  },
  { name: 'tls-key', value: 'FILE', description: 'private key of the certificate' },
  { name: 'tls-ca', value: 'FILE', description: 'certificates of the authority that signed the coordinator' },
  {
    name: 'tls-server-name',
    value: 'NAME',
    description:
      'common name that the coordinator’s certificate must have, too (default: any that --tls-ca has signed)',
  },
  {
    name: 'insecure-plaintext',
    description:
      'speak with coordinators on other machines without TLS, though anybody on the way can read and change everything; and serve --health to them',
  },
  {
    name: 'insecure-metrics-plaintext',
    description:
      'serve --metrics on a network address to whoever asks, without TLS; they tell names and numbers, and change nothing',
  },
  {
    name: 'log-level',
    value: 'LEVEL',
    default: 'info',
    description: 'trace, debug, info, warn, error, fatal or silent',
  },
  { name: 'config', value: 'FILE', description: 'YAML file with these options as keys' },
  {
    name: 'cleanup',
    description: 'remove every program, map, link and filter this agent ever made, and end',
  },
] as const satisfies readonly OptionSpec[];

export type OptionName = (typeof OPTIONS)[number]['name'];
export type RawOptions = Partial<Record<OptionName, string>>;
