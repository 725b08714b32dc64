// docs/reference.md: flags, environment variables and YAML keys from their definitions; keys of databases from keys.mjs.
import { keyTables } from './keys.mjs';
import { code, generated, table } from './text.mjs';

/** @param {{ agent: object[], coordinator: object[], iovctl: object[] }} options */
export function referencePage({ agent, coordinator, iovctl }) {
  const config = {
    name: 'config',
    value: 'FILE',
    description: 'YAML file with these options as keys',
  };
  const withConfig = coordinator.some(({ name }) => name === 'config')
    ? coordinator
    : [...coordinator, config];
  return `# Reference

${generated}

Every option is a flag \`--NAME\`, an environment variable \`IOVISOR_NAME\` (upper case, \`_\` for \`-\`) and a key \`NAME\` of the YAML file that \`--config\` names.
A flag wins over the environment, that over the file, that over the default. An option without a value is a switch: \`true\` or \`false\` in the environment and the
file. Unknown flags and keys are errors: the process ends with status 2 and one line that names them. ADDR is \`HOST:PORT\`, \`[IPv6]:PORT\` or \`unix:PATH\`;
REMOTES are OVN’s own syntax, comma-separated: \`unix:PATH\`, \`tcp:HOST:PORT\`, \`ssl:HOST:PORT\`.

## iovisor-coordinator

${options(withConfig)}

## iovisor-agent

${options(agent)}

## iovctl

What says whom it asks, for all its commands; the commands and their own flags are in [iovctl.md](iovctl.md). Without \`--config\` and \`IOVISOR_CONFIG\` the file is
\`/etc/iovisor/iovctl.yaml\`, which the Debian package brings with every key commented out, and the Ansible role \`iovctl\` writes on the machines of administrators.

${options(iovctl)}

## Keys in the databases

What coordinator and agent read from columns that are maps, and what they write there. Columns that are no maps are OVN’s own, with the meaning of ovn-nb(5) and
ovn-sb(5). What is asked for and not done is listed by \`iovctl problems\`.

${keyTables.map(keys).join('\n\n')}
`;
}

function options(list) {
  const rows = list.map(({ name, value, default: unset, choices, description }) => [
    code(value === undefined ? `--${name}` : `--${name} ${value}`),
    code(`IOVISOR_${name.toUpperCase().replaceAll('-', '_')}`),
    name === 'config' ? '' : code(name),
    code(unset),
    choices ? `${description}: ${choices.join(', ')}` : description,
  ]);
  return table(['flag', 'environment', 'YAML key', 'default', 'what'], rows);
}

function keys({ where, note, room, keys: list }) {
  const intro = [`Of the ${room}.`, note].filter(Boolean).join(' ');
  const rows = list.map(({ key, unset, meaning }) => [code(key), unset, meaning]);
  return `### ${where}\n\n${intro}\n\n${table(['key', 'default', 'what'], rows)}`;
}
