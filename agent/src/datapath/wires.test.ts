import test from 'ava';
import { type PortIntent, portIntent } from '../testsupport/intents.js';
import { Wires } from './wires.js';

/** A localnet port of a switch. */
function at(wires: Wires, id: string, switchId: string, more: PortIntent = {}): string | undefined {
  const { body } = portIntent(id, switchId, 1, { type: 'localnet', local: true, network: 'phys', ...more });
  wires.set(id, body?.$case === 'logicalPort' ? body.value : undefined);
  return wires.of(id);
}

test('one wire serves a network while VLANs tell its ports apart; who wants the same frames has another', (t) => {
  const wires = new Wires();
  for (const [id, more] of [
    ['flat', {}],
    ['ten', { tag: 10 }],
    ['outer', { tag: 10, tagEthertype: 0x88a8 }],
  ] as const)
    t.is(at(wires, id, id, more), 'phys');
  t.is(at(wires, 'elsewhere', 's', { network: 'other' }), 'other');
  t.is(wires.further.size, 0);
  const second = at(wires, 'ten2', 's2', { tag: 10 });
  const third = at(wires, 'outer2', 's2', { tag: 10, tagEthertype: 0x88a8 });
  t.deepEqual(
    [...wires.further],
    [
      [second, { network: 'phys', vlan: 10 }],
      [third, { network: 'phys', vlan: undefined }],
    ],
  );
  t.deepEqual([...wires.portsAt(second!)], ['ten2']);
  t.is(at(wires, 'twin', 's2', { tag: 10 }), second, 'two of one switch would make a loop');
});

test('a switch keeps its wire: when others leave, and over a restart', (t) => {
  const wires = new Wires();
  at(wires, 'a', 's1');
  const own = at(wires, 'b', 's2')!;
  wires.set('a', undefined);
  t.is(at(wires, 'b', 's2'), own);
  const restarted = new Wires((name) => wires.further.has(name));
  t.is(at(restarted, 'b', 's2'), own);
  t.is(at(restarted, 'c', 's3'), 'phys');
  wires.takeLeft();
  wires.set('b', undefined);
  t.deepEqual([wires.takeLeft(), wires.takeLeft()], [[own], []]);
  t.is(wires.further.size, 0);
  t.false(wires.isUsed(own));
});
