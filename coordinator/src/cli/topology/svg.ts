import { displayWidth } from '../terminal.js';
import type { Drawing, DrawnPort, Item } from './drawing.js';

const line = 14;
const pad = 8;
const gap = 12;
const columnGap = 90;
const char = 6.4;
const titleHeight = 22;

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A picture, in columns: routers, switches, hypervisors with their ports. Needs no other program. */
export function svg(drawing: Drawing): string {
  const boxes = new Map<string, Box>();
  const routersEnd = column(drawing.routers, gap, boxes);
  const switchesEnd = column(drawing.switches, routersEnd.x, boxes);
  const hypervisorsEnd = hypervisorColumn(drawing, switchesEnd.x, boxes);
  centre(drawing.routers, routersEnd.y, hypervisorsEnd.y, boxes);
  centre(drawing.switches, switchesEnd.y, hypervisorsEnd.y, boxes);
  const width = Math.ceil(hypervisorsEnd.x - columnGap + gap);
  const height = Math.ceil(Math.max(routersEnd.y, switchesEnd.y, hypervisorsEnd.y) + gap);
  const { routers, switches, hypervisors, ports, links } = drawing;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...hypervisors.map((one) => shape(one, boxes, '#f3f3f3', '#999999')),
    ...links.map((link) => edge(boxes.get(link.router), boxes.get(link.switch), true, link.text)),
    ...ports.map((port) => edge(boxes.get(port.switch), boxes.get(port.id), port.up)),
    ...routers.map((one) => shape(one, boxes, '#ffe8cc', '#b06000')),
    ...switches.map((one) => shape(one, boxes, '#d9ecff', '#1f6fb5')),
    ...ports.map((one) => shape(one, boxes, one.up ? '#e2f5e2' : '#ffffff', one.up ? '#2e8b2e' : '#999999')),
    '</svg>',
  ].join('\n');
}

/** Places items below each other; returns where the next column begins, and where this one ends. */
function column(items: readonly Item[], x: number, boxes: Map<string, Box>): { x: number; y: number } {
  let y = gap;
  const width = Math.max(0, ...items.map(widthOf));
  for (const item of items) {
    const height = heightOf(item);
    boxes.set(item.id, { x, y, width, height });
    y += height + gap;
  }
  return { x: items.length === 0 ? x : x + width + columnGap, y };
}

function hypervisorColumn(
  { hypervisors, ports }: Drawing,
  x: number,
  boxes: Map<string, Box>,
): { x: number; y: number } {
  const inner = Math.max(0, ...ports.map(widthOf));
  const width = Math.max(inner + 2 * pad, ...hypervisors.map(widthOf));
  const byNode = new Map<string, DrawnPort[]>();
  for (const port of ports) {
    const own = byNode.get(port.hypervisor);
    if (own) own.push(port);
    else byNode.set(port.hypervisor, [port]);
  }
  let y = gap;
  for (const item of hypervisors) {
    const top = y;
    y += heightOf(item) + (byNode.has(item.id) ? 0 : pad);
    for (const port of byNode.get(item.id) ?? []) {
      const height = heightOf(port);
      boxes.set(port.id, { x: x + pad, y, width: width - 2 * pad, height });
      y += height + pad;
    }
    boxes.set(item.id, { x, y: top, width, height: y - top });
    y += gap;
  }
  return { x: x + width + columnGap, y };
}

/** A short column stands in the middle of a long one. */
function centre(items: readonly Item[], end: number, whole: number, boxes: Map<string, Box>): void {
  const shift = Math.max(0, (whole - end) / 2);
  for (const { id } of items) boxes.get(id)!.y += shift;
}

function widthOf({ name, notes }: Item): number {
  return Math.max(...[name, ...notes].map((text) => displayWidth(text))) * char + 2 * pad;
}

function heightOf({ notes }: Item): number {
  return titleHeight + notes.length * line + pad / 2;
}

function shape(
  { id, name, notes }: Item,
  boxes: ReadonlyMap<string, Box>,
  fill: string,
  stroke: string,
): string {
  const box = boxes.get(id)!;
  const { x, y } = box;
  const texts = [name, ...notes].map((text, index) => {
    const weight = index === 0 ? ' font-weight="bold"' : ' fill="#444444"';
    return `<text x="${round(x + pad)}" y="${round(y + 16 + index * line)}"${weight}>${escaped(text)}</text>`;
  });
  const outline = `x="${round(x)}" y="${round(y)}" width="${round(box.width)}" height="${round(box.height)}"`;
  return `<g><rect ${outline} rx="4" fill="${fill}" stroke="${stroke}"/>${texts.join('')}</g>`;
}

function edge(from: Box | undefined, to: Box | undefined, solid: boolean, text = ''): string {
  if (!from || !to) return '';
  const [x1, y1] = [from.x + from.width, from.y + from.height / 2];
  const [x2, y2] = [to.x, to.y + to.height / 2];
  const middle = round((x1 + x2) / 2);
  const path = `M${round(x1)} ${round(y1)} C${middle} ${round(y1)} ${middle} ${round(y2)} ${round(x2)} ${round(y2)}`;
  const dashes = solid ? '' : ' stroke-dasharray="4 3"';
  const label =
    text === ''
      ? ''
      : `<text x="${middle}" y="${round((y1 + y2) / 2 - 3)}" text-anchor="middle" font-size="9" fill="#666666">${escaped(text)}</text>`;
  return `<path d="${path}" fill="none" stroke="#888888"${dashes}/>${label}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (one) => entities[one]!);
}
