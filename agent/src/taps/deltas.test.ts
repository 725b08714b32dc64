import test from 'ava';
import { enterPrivateNetns, ip, ipBatch } from '../netlink/testsupport/privateNetns.js';
import type { DevicesDelta, PluggedDelta } from './index.js';
import { Hypervisor } from './testsupport/hypervisor.js';
import { Marks } from './testsupport/marks.js';

test.before(() => enterPrivateNetns());

const words = (tap: string) =>
  `add-port br-int ${tap} -- set Interface ${tap} external_ids:iface-id=id-${tap}`;

/** What the events said, one text each. */
function listen(hv: Hypervisor): string[] {
  const said: string[] = [];
  hv.taps.on('plugged', ({ upserts, removals }: PluggedDelta) =>
    said.push(`plugged +${upserts.map(({ ifaceId, ifindex }) => `${ifaceId}@${ifindex}`)} -${removals}`),
  );
  hv.taps.on('devices', ({ added, removed }: DevicesDelta) => said.push(`devices +${added} -${removed}`));
  return said;
}

test.serial('a thousand taps: one more, and what it needs, touches no other', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  const taps = Array.from({ length: 1000 }, (_, at) => `wa${at}`);
  ipBatch([...taps, 'wb'].map((tap) => `tuntap add ${tap} mode tap`));
  for (let at = 0; at < taps.length; at += 250)
    await hv.db.vsctl(
      taps
        .slice(at, at + 250)
        .map(words)
        .join(' -- '),
    );
  t.is(hv.taps.plugged.size, 1000);
  hv.taps.setInstalled(new Set(taps.map((tap) => `id-${tap}`)));
  hv.taps.setNbCfg({ number: 1n, since: 1 });
  await hv.db.vsctl('wait-until Bridge br-int external_ids:ovn-nb-cfg=1');
  for (const tap of taps) await hv.until(() => hv.taps.plugged.has(`id-${tap}`));
  // Each of the thousand marks comes back before the answer to a change that follows them.
  await hv.db.vsctl('wait-until Interface wa999 external_ids:ovn-installed=true');
  await hv.db.vsctl('set Interface wa0 external_ids:a=b');
  await hv.db.vsctl('set Interface wa0 external_ids:a=c');
  const said = listen(hv);

  const cost = async (action: () => Promise<unknown>) => {
    const before = hv.taps.work;
    await action();
    const { looks, comparisons } = hv.taps.work;
    return { looks: looks - before.looks, comparisons: comparisons - before.comparisons };
  };
  const atMost = (what: string, { looks, comparisons }: Awaited<ReturnType<typeof cost>>, most: number) =>
    t.true(looks <= most && comparisons <= 4 * most, `${what}: ${looks} looks, ${comparisons} comparisons`);

  atMost('add-port', await cost(() => hv.db.vsctl(words('wb'))), 3);
  const { ifindex } = hv.taps.plugged.get('id-wb')!;
  t.deepEqual(said.splice(0), [`devices +${ifindex} -`, `plugged +id-wb@${ifindex} -`]);
  const installed = async () => {
    hv.taps.addInstalled(['id-wb']);
    hv.taps.setNbCfg({ number: 2n, since: 2 });
    await hv.db.vsctl('wait-until Interface wb external_ids:ovn-installed=true');
    await hv.db.vsctl('wait-until Bridge br-int external_ids:ovn-nb-cfg=2');
    hv.taps.removeInstalled(['id-wb']);
    await hv.db.vsctl('wait-until Interface wb external_ids={iface-id=id-wb}');
    hv.taps.setInstalled(new Set([...taps, 'wb'].map((tap) => `id-${tap}`)));
    await hv.db.vsctl('wait-until Interface wb external_ids:ovn-installed=true');
    // All of it came back once this is answered.
    await hv.db.vsctl('set Interface wb external_ids:a=b');
  };
  const marks = await cost(installed);
  atMost('ovn-installed and nb_cfg', marks, 3);
  t.is(marks.looks, 0, 'what this process writes itself makes it look at nothing');
  atMost('an interface without a device', await cost(() => hv.db.vsctl(words('wc'))), 3);
  atMost(
    'one iface-id twice',
    await cost(() => hv.db.vsctl('set Interface wb external_ids:iface-id=id-wa7')),
    3,
  );
  t.is(hv.problems().length, 2);
  t.deepEqual(said.splice(0), ['plugged + -id-wb']);
  const gone = await cost(async () => {
    ip('link del wb');
    await hv.db.vsctl('wait-until Interface wb ofport=-1');
    await hv.db.vsctl('del-port wb -- del-port wc');
  });
  atMost('a tap that vanishes, and del-port', gone, 6);
  t.deepEqual(said, [`devices + -${ifindex}`]);
  t.deepEqual(hv.problems(), []);
  // The kernel takes 16 ms to delete a tap: these go with the namespace.
});

test.serial('a tap made anew in one turn loses ovn-installed and gets it again', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  ip('tuntap add wd mode tap');
  await hv.db.vsctl(words('wd'));
  hv.taps.addInstalled(['id-wd']);
  await hv.db.vsctl('wait-until Interface wd external_ids:ovn-installed=true');
  const marks = new Marks(hv.db.remote, 'wd');
  t.teardown(() => marks.stop());
  await marks.start();
  const first = hv.taps.plugged.get('id-wd')!.ifindex;
  const said = listen(hv);
  // This process sleeps while ip(8) works: both events are there when it wakes.
  ipBatch(['link del wd', 'tuntap add wd mode tap']);
  await hv.until(() => said.length === 2);
  const second = hv.taps.plugged.get('id-wd')!.ifindex;
  t.not(second, first);
  t.deepEqual(said.splice(0), [`devices +${second} -${first}`, `plugged +id-wd@${second} -`]);
  await marks.until(`true ${second}`);
  t.deepEqual(marks.seen.splice(0), [`true ${first}`, `none ${second}`, `true ${second}`]);

  // Who knows that the new device does not forward yet says so when told of it.
  hv.taps.once('plugged', () => hv.taps.removeInstalled(['id-wd']));
  ipBatch(['link del wd', 'tuntap add wd mode tap']);
  await hv.until(() => said.length === 2);
  const third = hv.taps.plugged.get('id-wd')!.ifindex;
  await marks.until(`none ${third}`);
  await hv.db.vsctl('set Interface wd external_ids:a=b');
  t.deepEqual(marks.seen.splice(0), [`none ${third}`]);
  hv.taps.addInstalled(['id-wd']);
  await marks.until(`true ${third}`);

  // While no agent runs.
  await hv.taps.stop();
  ipBatch(['link del wd', 'tuntap add wd mode tap']);
  await hv.startTaps();
  const fourth = hv.taps.plugged.get('id-wd')!.ifindex;
  await marks.until(`none ${fourth}`);
  hv.taps.addInstalled(['id-wd']);
  await marks.until(`true ${fourth}`);
  t.deepEqual(marks.seen, [`true ${third}`, `none ${fourth}`, `true ${fourth}`]);
  ip('link del wd');
});

test.serial('another device with the ifindex of the old one is told of, too', async (t) => {
  const hv = await Hypervisor.start();
  t.teardown(() => hv.stop());
  const make = 'link add name we index 9001 type veth peer name we-peer';
  ipBatch([make]);
  await hv.db.vsctl(words('we'));
  hv.taps.setInstalled(new Set(['id-we']));
  await hv.db.vsctl('wait-until Interface we external_ids:ovn-installed=true');
  const marks = new Marks(hv.db.remote, 'we');
  t.teardown(() => marks.stop());
  await marks.start();
  const said = listen(hv);
  ipBatch(['link del we', make]);
  await hv.until(() => said.length === 2);
  t.deepEqual(said, ['devices +9001 -9001', 'plugged +id-we@9001 -']);
  await hv.db.vsctl('set Interface we external_ids:a=b');
  await marks.until('true 9001');
  t.deepEqual(marks.seen, ['true 9001', 'none 9001', 'true 9001']);
  ip('link del we');
});

test.serial(
  'addInstalled and removeInstalled before the first whole word leave the others alone',
  async (t) => {
    const hv = await Hypervisor.start();
    t.teardown(() => hv.stop());
    const taps = ['wf1', 'wf2', 'wf3'];
    for (const tap of taps) ip(`tuntap add ${tap} mode tap`);
    await hv.db.vsctl(taps.map(words).join(' -- '));
    hv.taps.setInstalled(new Set(['id-wf1', 'id-wf2']));
    await hv.db.vsctl('wait-until Interface wf2 external_ids:ovn-installed=true');
    await hv.taps.stop();
    await hv.startTaps();
    hv.taps.removeInstalled(['id-wf2']);
    hv.taps.addInstalled(['id-wf3', 'not-plugged']);
    await hv.db.vsctl('wait-until Interface wf3 external_ids:ovn-installed=true');
    await hv.db.vsctl('wait-until Interface wf2 external_ids={iface-id=id-wf2}');
    t.is(await hv.db.get('Interface', 'wf1', 'external_ids:ovn-installed'), '"true"');
    hv.taps.setInstalled(new Set(['id-wf3']));
    await hv.db.vsctl('wait-until Interface wf1 external_ids={iface-id=id-wf1}');
    t.is(await hv.db.get('Interface', 'wf3', 'external_ids:ovn-installed'), '"true"');
    for (const tap of taps) ip(`link del ${tap}`);
  },
);
