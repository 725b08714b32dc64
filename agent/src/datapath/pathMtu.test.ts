import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import { enterPrivateNetns } from '../netlink/testsupport/privateNetns.js';
import { chassisIntent, portIntent, switchIntent } from '../testsupport/intents.js';
import { Namespace, sh, uniqueName } from '../testsupport/namespace.js';
import { iov_tunnel_flag as flag, iov_tunnelCodec } from './abi.js';
import { u32 } from './entry.js';
import { all, Kernel } from './testsupport/kernel.js';

test.before(enterPrivateNetns);

const [A, B] = ['0a:00:00:00:00:01', '0a:00:00:00:00:02'];

async function until(what: string, reached: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000; turn++) {
    if (reached()) return;
    await setTimeout(20);
  }
  throw new Error(`in vain: ${what}`);
}

const families = [
  {
    here: '198.51.100.1',
    router: '198.51.100.2',
    next: '203.0.113.1',
    there: '203.0.113.2',
    bits: [24, 32],
    header: 50,
  },
  {
    here: '2001:db8:a::1',
    router: '2001:db8:a::2',
    next: '2001:db8:b::1',
    there: '2001:db8:b::2',
    bits: [64, 128],
    header: 70,
  },
];
for (const { here, router, next, there, bits, header } of families) {
  test.serial(
    `a router on the way to ${there} has less: the tunnel learns it, machines are told, and it passes`,
    async (t) => {
      const six = here.includes(':') ? ['-6'] : [];
      const kernel = await Kernel.open(t);
      const [middle, far] = [new Namespace('router'), new Namespace('far')];
      t.teardown(() => {
        middle.remove();
        far.remove();
      });
      const near = uniqueName('und');
      sh('ip', 'link', 'add', near, 'type', 'veth', 'peer', 'in', 'netns', middle.name);
      middle.ip('link', 'add', 'out', 'mtu', '1400', 'type', 'veth', 'peer', 'eth0', 'netns', far.name);
      sh('ip', 'link', 'set', near, 'up');
      for (const device of ['in', 'out']) middle.ip('link', 'set', device, 'up');
      far.ip('link', 'set', 'eth0', 'mtu', '1400', 'up');
      const add = (address: string, dev: string) => [
        'address',
        'add',
        `${address}/${bits[0]}`,
        'dev',
        dev,
        ...(six.length ? ['nodad'] : []),
      ];
      sh('ip', ...add(here, near));
      middle.ip(...add(router, 'in'));
      middle.ip(...add(next, 'out'));
      far.ip(...add(there, 'eth0'));
      middle.run('sysctl', '-q', '-w', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
      sh('ip', ...six, 'route', 'add', `${there}/${bits[1]}`, 'via', router);
      far.ip(...six, 'route', 'add', `${here}/${bits[1]}`, 'via', next);
      await until('the uplink', () => kernel.netlink.linkByName(near)?.lowerUp === true);

      const datapath = await kernel.start('clsact', undefined, 0, 1500);
      datapath.setLocalEncaps([{ type: 'vxlan', ip: here, csum: false }]);
      const a = await kernel.machine(A, '10.9.0.1/24');
      await kernel.plug({ a });
      await datapath.apply(
        all(
          switchIntent('s', 5),
          chassisIntent('hv2', ['vxlan', there]),
          portIntent('a', 's', 1, { local: true, chassis: 'hv1', addresses: [`${A} 10.9.0.1`] }),
          portIntent('b', 's', 2, { chassis: 'hv2', addresses: [`${B} 10.9.0.2`] }),
        ),
      );
      a.namespace.ip('neighbour', 'replace', '10.9.0.2', 'lladdr', B, 'dev', 'eth0');
      const row = () => kernel.read('iov_tunnels', (map) => iov_tunnelCodec.decode(map.lookup(u32(1))!));
      await until('the next hop', () => (row().flags & flag.IOV_TUNNEL_RESOLVED) !== 0);
      t.is(row().mtu, 1500);
      const path = () => datapath.pathOf(datapath.compiler.tunnels.get('hv2')![0]!.tunnel);
      const send = (length: number) =>
        a.namespace.run(
          'python3',
          '-c',
          `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER: do
try:
    s.sendto(b"x" * ${length}, ("10.9.0.2", 9))
except OSError:
    pass`,
        );
      const largest = 1400 - header + 14 - 28 - 14;
      await until('the router is heard', () => {
        send(largest + 1);
        return row().mtu === 1400 && path()?.mtu === 1400;
      });
      const received = () =>
        JSON.parse(far.ip('-s', '-j', 'link', 'show', 'dev', 'eth0'))[0].stats64.rx.packets;
      const before = received();
      send(largest);
      await until('what fits arrives', () => received() > before);
      const told = new RegExp(`mtu ${largest + 28}`);
      await until('the machine is told', () => {
        send(largest + 1);
        return told.test(a.namespace.ip('route', 'get', '10.9.0.2'));
      });
      await until('its time is over', () => row().mtu === 1500);
      sh('ip', 'link', 'del', near);
    },
  );
}
