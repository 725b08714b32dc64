import type { Drawing, Item } from './drawing.js';

/** The drawing in Mermaid's language, as Markdown pages of code forges show it. */
export function mermaid({ routers, switches, hypervisors, ports, links }: Drawing): string {
  const lines = [
    'flowchart LR',
    ...routers.map((one) => `  ${one.id}{{${text(one)}}}`),
    ...switches.map((one) => `  ${one.id}([${text(one)}])`),
    ...hypervisors.flatMap((one) => [
      `  subgraph ${one.id}[${text(one)}]`,
      ...ports
        .filter(({ hypervisor }) => hypervisor === one.id)
        .map((port) => `    ${port.id}[${text(port)}]`),
      '  end',
    ]),
    ...links.map((link) => `  ${link.router} ---|"${escaped(link.text)}"| ${link.switch}`),
    ...ports.map((port) => `  ${port.switch} ${port.up ? '---' : '-.-'} ${port.id}`),
  ];
  return lines.join('\n');
}

function text({ name, notes }: Item): string {
  return `"${[name, ...notes].map(escaped).join('<br/>')}"`;
}

/** Whatever may mean something to Mermaid, Markdown or HTML is an entity by number: #34; is a quote. */
function escaped(name: string): string {
  return name.replace(/[^\p{L}\p{N} .,:/=→…×_-]/gu, (one) => `#${one.codePointAt(0)};`);
}
