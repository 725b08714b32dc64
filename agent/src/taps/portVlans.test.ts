import test from 'ava';
import type { Port } from '../gen/vswitch.js';
import { readBridgeMappings } from './bridgeMappings.js';
import { deviceName } from './madeDevices.js';
import { vlansOf } from './portVlans.js';

/** `1-6 7u* 8-4093`: u leaves untagged, * is what comes without a tag. */
function text(vlan_mode: Port['vlan_mode'], tag?: number, trunks: number[] = []): string | undefined {
  return vlansOf({ vlan_mode, tag, trunks })
    ?.map(
      ({ first, last, pvid, untagged }) =>
        `${first === last ? first : `${first}-${last}`}${untagged ? 'u' : ''}${pvid ? '*' : ''}`,
    )
    .join(' ');
}

test('VLANs of a port as ovs-vswitchd.conf.db(5) has them', (t) => {
  t.is(text(undefined), '1-4093 4094u*');
  t.is(text(undefined, 7), '7u*');
  t.is(text(undefined, 0), '4094u*');
  t.is(text(undefined, undefined, [5, 6, 9]), '5-6 9', 'what has no tag is in VLAN 0, which is not carried');
  t.is(text(undefined, undefined, [0, 5]), '5 4094u*');
  t.is(text('access', 7, [5]), '7u*');
  t.is(text('native-untagged', 7), '1-6 8-4093 7u*');
  t.is(text('native-tagged', 7, [5, 7]), '5 7*');
  t.is(text('native-untagged', 7, [5]), '5 7u*');
  t.is(text('dot1q-tunnel', 7), undefined);
});

test('bridge mappings as ovn-controller reads them', (t) => {
  const read = (words: string) => {
    const wrong: string[] = [];
    const mappings = readBridgeMappings(words, (message) => wrong.push(message));
    return [mappings.map(({ network, bridge }) => `${network}→${bridge}`).join(' '), wrong.length];
  };
  t.deepEqual(read(''), ['', 0]);
  t.deepEqual(read('a:b'), ['a→b', 0]);
  t.deepEqual(read('a:b,c:d,'), ['a→b c→d', 0]);
  t.deepEqual(read('a:b,,c:d'), ['a→b', 0]);
  t.deepEqual(read('a:b:c'), ['a→b:c', 0]);
  for (const wrong of ['a', ':b', 'a:', ':']) t.deepEqual(read(`x:y,${wrong},c:d`), ['x→y', 1], wrong);
  t.deepEqual(read('a:b,a:c'), ['a→b', 1]);
});

test('names of devices fit and differ', (t) => {
  t.is(deviceName('network', 'physnet1'), 'iovn-physnet1');
  const names = ['physnet-one', 'physnet.1', 'ä', 'a b', 'eleven-chars', 'eleven-charz', ''];
  const made = names.map((name) => deviceName('network', name));
  for (const name of made) t.regex(name, /^[\w.-]{1,15}$/);
  t.is(new Set(made).size, names.length);
});
