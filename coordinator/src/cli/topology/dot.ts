import type { Drawing, Item } from './drawing.js';

/** The drawing in Graphviz' language. */
export function dot({ routers, switches, hypervisors, ports, links }: Drawing): string {
  const lines = [
    'graph topology {',
    '  rankdir=LR;',
    '  node [shape=box, fontname="sans-serif", fontsize=10];',
    '  edge [fontname="sans-serif", fontsize=8];',
    ...routers.map((one) => `  ${one.id} [shape=diamond, label=${text(one)}];`),
    ...switches.map((one) => `  ${one.id} [shape=ellipse, label=${text(one)}];`),
    ...hypervisors.flatMap((one) => [
      `  subgraph cluster_${one.id} {`,
      `    label=${text(one)};`,
      ...ports
        .filter(({ hypervisor }) => hypervisor === one.id)
        .map((port) => `    ${port.id} [label=${text(port)}${port.up ? '' : ', style=dashed'}];`),
      '  }',
    ]),
    ...links.map((link) => `  ${link.router} -- ${link.switch} [label=${quoted(link.text)}];`),
    ...ports.map((port) => `  ${port.switch} -- ${port.id};`),
    '}',
  ];
  return lines.join('\n');
}

function text({ name, notes }: Item): string {
  return `"${[name, ...notes].map(escaped).join('\\n')}"`;
}

function quoted(name: string): string {
  return `"${escaped(name)}"`;
}

/** In a quoted string a quote ends it, a backslash begins an escape such as \\N; & begins an entity. */
function escaped(name: string): string {
  return name.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('&', '&amp;');
}
