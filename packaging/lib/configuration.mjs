// Configuration files with every option in them, most commented out, with its default.

const width = 100;

/** What is written where an option has no default that would do. */
const examples = {
  health: 'unix:/run/iovisor/agent.sock',
  coordinator: '192.0.2.1:6650',
  metrics: '127.0.0.1:9476',
  'tls-cert': '/etc/iovisor/pki/cert.pem',
  'tls-key': '/etc/iovisor/pki/key.pem',
  'tls-ca': '/etc/iovisor/pki/ca.pem',
  'db-cert': '/etc/iovisor/pki/cert.pem',
  'db-key': '/etc/iovisor/pki/key.pem',
  'db-ca': '/etc/iovisor/pki/ca.pem',
};

/** Options that make no sense in a file. */
const onlyFlags = ['config', 'cleanup', 'help', 'version'];

/**
 * @param {string} intro of the file
 * @param {readonly { name: string, value?: string, default?: string, description: string }[]} options
 * @param {Record<string, string>} set what the file sets
 */
export function configurationFile(intro, options, set = {}) {
  const entries = options
    .filter(({ name }) => !onlyFlags.includes(name))
    .map(({ name, value, description, default: usual }) => {
      const suffix = usual === undefined ? '' : ` (default: ${usual})`;
      const example = examples[name] ?? usual ?? value ?? 'false';
      const line = set[name] ? `${name}: ${yaml(set[name])}` : `#${name}: ${yaml(example)}`;
      return `${comment(`${description}${suffix}`)}\n${line}\n`;
    });
  return [`${comment(intro)}\n`, ...entries].join('\n');
}

function comment(text) {
  const lines = [];
  let line = '#';
  for (const word of text.split(/\s+/)) {
    if (line.length + word.length + 1 > width) {
      lines.push(line);
      line = '#';
    }
    line += ` ${word}`;
  }
  return [...lines, line].join('\n');
}

/** Quoted where YAML would read something else than the text. */
const yaml = (text) => (/^[\w./-]+(:[\w./-]+)*$/.test(text) ? text : JSON.stringify(text));
