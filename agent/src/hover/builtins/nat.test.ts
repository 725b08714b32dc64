import test, { type ExecutionContext } from 'ava';
import { connections, type Host, startChain } from '../testsupport/chain.js';

const PUBLIC = '10.10.1.100';
const CONFIG = {
  public_ip: PUBLIC,
  port_forwarding: [{ proto: 'tcp', public_port: 80, ip: '10.10.1.50', port: 8000 }],
};

/** A host inside, which also answers ARP for the public address, as a router would; and one outside. */
async function start(t: ExecutionContext) {
  const topology = {
    modules: [{ name: 'nat', type: 'nat', config: CONFIG }],
    external_interfaces: ['veth1', 'veth2'].map((iface) => ({ module: 'nat', iface })),
  };
  const chain = await startChain(t, topology, [['10.10.1.50/24'], ['10.10.1.1/24'], []]);
  const [inside, outside] = chain.hosts as [Host, Host];
  inside.namespace.ip('address', 'add', `${PUBLIC}/32`, 'dev', inside.device);
  return { ...chain, inside, outside };
}

test.serial('a host inside connects, with segments as large as the kernel makes them', async (t) => {
  const { inside, outside } = await start(t);
  t.deepEqual(await connections(t, outside, [inside], { address: '10.10.1.1', port: 8000 }), [PUBLIC]);
  t.true(inside.pings('10.10.1.1'));
});

test.serial('a forwarded port is reached from outside', async (t) => {
  const { inside, outside } = await start(t);
  t.deepEqual(await connections(t, inside, [outside], { address: PUBLIC, port: 80 }), ['10.10.1.1']);
});

test.serial('datagrams larger than the MTU pass, in fragments, both ways', async (t) => {
  const { inside } = await start(t);
  inside.namespace.run('ping', '-c', '1', '-w', '10', '-s', '4000', '10.10.1.1');
  t.pass();
});

test.serial('what a host outside does not listen to, the host inside hears of', async (t) => {
  const { inside } = await start(t);
  const script = `const socket = require('dgram').createSocket('udp4');
socket.connect(9, '10.10.1.1', () => socket.send('x'));
socket.on('error', (error) => { console.log(error.code); process.exit(); });`;
  const { value } = await inside.node(t, '-e', script).next();
  t.is(value, 'ECONNREFUSED');
});

test.serial('a third link is refused, and the other two stay', async (t) => {
  const { client, ids, inside } = await start(t);
  const { status, text } = await client.send('POST', '/links/', { from: ids.get('nat'), to: 'i:veth3' });
  t.is(status, 400);
  t.regex(text, /has 2 ports at most/);
  t.true(inside.pings('10.10.1.1'));
});
