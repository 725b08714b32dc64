import test from 'ava';
import type { Interface } from '../gen/vswitch.js';
import type { Link } from '../netlink/index.js';
import type { Attachment } from './attachment.js';
import { Plugs } from './plugs.js';

const attachment = (uuid: string, ofport: number): Attachment => ({
  row: {
    _uuid: uuid,
    name: `tap${ofport}`,
    external_ids: new Map([['iface-id', 'p']]),
  } as unknown as Interface,
  bridge: 'br-int',
  kind: 'device',
  end: { ifindex: ofport, name: `tap${ofport}` } as Link,
  ofport,
});

test('of two with one iface-id it is no chance who has it after a start, and afterwards the bearer keeps it', (t) => {
  const first = attachment('a', 1);
  const second = attachment('b', 2);
  const plugs = new Plugs(() => undefined);
  // They are looked at in whatever order, and not in one go.
  plugs.update(new Map([['b', second]]), new Set());
  plugs.update(new Map([['a', first]]), new Set());
  plugs.settle();
  t.is(plugs.plugged.get('p')?.name, 'tap1');

  plugs.update(new Map([['a', undefined]]), new Set());
  t.is(plugs.plugged.get('p')?.name, 'tap2');
  plugs.update(new Map([['a', first]]), new Set());
  t.is(plugs.plugged.get('p')?.name, 'tap2');
});
