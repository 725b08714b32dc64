import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { NetlinkError } from '../../netlink/index.js';
import { enterPrivateNetns, ip, ipBatch } from '../../netlink/testsupport/privateNetns.js';
import { Lab, SWITCH, udpPacket } from '../testsupport/lab.js';

enterPrivateNetns();

const TELLING = `
static int handle_rx(void *skb, struct metadata *md) {
  pkt_controller(skb, md, 7);
  return RX_CONTROLLER;
}`;

async function until(condition: () => boolean): Promise<void> {
  const patience = AbortSignal.timeout(20_000);
  while (!condition()) await sleep(5, undefined, { signal: patience });
}

/** What is sent while the kernel still takes the device up is lost, or refused with ENOBUFS. */
function put(lab: Lab): void {
  try {
    lab.engine.packetOut({ module: 5, port: 3, sense: 'ingress', data: udpPacket() });
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
  }
}

/** Puts packets into module 5 until the controller has one. */
async function passes(lab: Lab): Promise<boolean> {
  let passed = false;
  lab.engine.once('packetIn', ({ module, port }) => {
    passed = module === 5 && port === 3;
  });
  await until(() => {
    if (!passed) put(lab);
    return passed;
  });
  return passed;
}

test.serial(
  'the device of the user modules, removed by hand, is made again, and packets go by it',
  async (t) => {
    const lab = await Lab.open(t);
    await lab.module(5, TELLING);
    await lab.module(1, SWITCH);
    await lab.module(2, SWITCH);
    const [one, two] = [await lab.machine(), await lab.machine()];
    // A flood into another module takes the way over it.
    lab.attach(one.ifindex, 1, 1);
    lab.patch({ module: 1, port: 2 }, { module: 2, port: 1 });
    lab.attach(two.ifindex, 2, 2);
    t.true(one.machine.pings(two.address));
    const device = () => lab.netlink.linkByName('iovh0')?.ifindex;
    const isBack = (before: number | undefined) =>
      device() !== undefined && device() !== before && lab.engine.problem === undefined;
    for (const name of ['iovh0', 'iovh1']) {
      const before = device();
      ip(`link delete ${name}`);
      await until(() => isBack(before));
      t.true(await passes(lab));
      t.true(one.machine.pings(two.address));
    }

    const last = device();
    ip('link set iovh1 down');
    await until(() => lab.netlink.linkByName('iovh1')?.lowerUp === true);
    t.true(await passes(lab));
    t.is(device(), last);
  },
);

test.serial('where another device has the name that is said, and healed when it goes', async (t) => {
  const lab = await Lab.open(t);
  await lab.module(5, TELLING);
  ipBatch(['link delete iovh0', 'link add iovh0 type bridge']);
  await until(() => /make veth iovh0: file already exists/.test(lab.engine.problem ?? ''));
  ip('link delete iovh0');
  await until(() => lab.engine.problem === undefined);
  t.true(await passes(lab));
});
