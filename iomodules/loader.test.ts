import { BpfMap, BpfObject } from '@iovisor-ovn/libbpf';
import test from 'ava';
import { iov_slot } from './gen/abi.js';
import { loadIoModules, loadIoModulesAsync } from './loader.js';
import { modules } from './modules.js';
import { sharedMapNames } from './shared-maps.js';

const slotKey = (slot: number) => Buffer.from(new Uint32Array([slot]).buffer);

test.serial('every slot of the chain is filled, each with the program that names it', (t) => {
  const loaded = loadIoModules();
  t.teardown(() => loaded.close());
  const slots = Object.values(iov_slot).filter((slot) => slot < iov_slot.IOV_SLOT_USER);
  const named = loaded.modules.flatMap(({ programs }) => programs).filter(({ slot }) => slot !== undefined);
  t.deepEqual(named.map(({ slot }) => slot).sort(), slots.sort());
  for (const { slot, program } of named)
    t.is(loaded.maps.iov_programs.lookup(slotKey(slot!))?.readUInt32LE(), program.id);
  t.is(loaded.entry.name, 'iov_entry');
  t.is(loaded.uplink.name, 'iov_uplink');
});

test.serial('every program is far from what the verifier allows: older kernels need more', (t) => {
  for (const tracing of [false, true]) {
    const loaded = loadIoModules({ tracing });
    t.teardown(() => loaded.close());
    for (const program of Object.values(loaded.programs))
      t.true(program.info().verifiedInstructions < 250_000, program.name);
  }
});

test.serial('all objects share one set of maps, and it is the one that TypeScript names', (t) => {
  const loaded = loadIoModules();
  t.teardown(() => loaded.close());
  t.deepEqual(Object.keys(loaded.maps).sort(), [...sharedMapNames].sort());
  const ids = new Set(Object.values(loaded.maps).map(({ id }) => id));
  t.is(ids.size, sharedMapNames.length);
  for (const program of Object.values(loaded.programs)) {
    const own = program.info().mapIds.filter((id) => !ids.has(id));
    // Of each object its constants; iov_flood_remote and iov_flood_fits also have iov_round, iov_snoop iov_snooped, the answer's program its
    // message, those that sum up packets a buffer, those of the uplink their clock, iov_uplink its two tables of hints, and
    // iov_switch what it remembers.
    const extra: Record<string, number> = {
      iov_flood_remote: 2,
      iov_encap_any: 1,
      iov_uplink: 3,
      iov_uplink_any: 2,
      iov_path_mtu: 1,
      iov_flood_fits: 1,
      iov_too_big_reply: 1,
      iov_snoop: 1,
      iov_switch: 1,
    };
    t.is(own.length, 1 + (extra[program.name] ?? 0), `${program.name} has a map of its own`);
  }
});

test.serial('a second load takes the maps of the first over, and has a program array of its own', (t) => {
  const first = loadIoModules();
  t.teardown(() => first.close());
  const key = slotKey(7);
  first.maps.iov_epochs.update(key, slotKey(42));
  const second = loadIoModules({ maps: first.maps });
  t.deepEqual(second.maps.iov_epochs.lookup(key), slotKey(42));
  t.is(second.maps.iov_ports.id, first.maps.iov_ports.id);
  t.not(second.maps.iov_programs.id, first.maps.iov_programs.id);
  second.close();
  t.deepEqual(first.maps.iov_epochs.lookup(key), slotKey(42), 'maps that were given stay open');
  t.is(first.maps.iov_programs.lookup(slotKey(1))?.readUInt32LE(), first.programs.iov_switch!.id);
});

test.serial('a load for tracing shares all but its programs, its scratch and its trace', (t) => {
  const live = loadIoModules();
  t.teardown(() => live.close());
  const tracing = loadIoModules({ maps: live.maps, tracing: true });
  t.teardown(() => tracing.close());
  const own = sharedMapNames.filter((name) => tracing.maps[name].id !== live.maps[name].id);
  t.deepEqual([...own].sort(), ['iov_programs', 'iov_scratch', 'iov_trace']);
  t.deepEqual([live.tracing, tracing.tracing], [false, true]);
});

test.serial(
  'a load whose programs are verified on another thread is as good, and leaves nothing when it fails',
  async (t) => {
    const live = loadIoModules();
    t.teardown(() => live.close());
    const loaded = await loadIoModulesAsync({ maps: live.maps, tracing: true });
    t.teardown(() => loaded.close());
    t.is(loaded.maps.iov_ports.id, live.maps.iov_ports.id);
    t.deepEqual(Object.keys(loaded.programs).sort(), Object.keys(live.programs).sort());
    const key = slotKey(iov_slot.IOV_SLOT_SWITCH);
    t.is(loaded.maps.iov_programs.lookup(key)?.readUInt32LE(), loaded.programs.iov_switch!.id);
    const iov_ports = BpfMap.create({
      type: 'array',
      name: 'other',
      keySize: 4,
      valueSize: 8,
      maxEntries: 4,
    });
    t.teardown(() => iov_ports.close());
    await t.throwsAsync(loadIoModulesAsync({ maps: { iov_ports } }), { message: /iov_ports/ });
  },
);

test.serial('sizes other than the defaults', (t) => {
  const loaded = loadIoModules({ maxEntries: { iov_ports: 16 } });
  t.teardown(() => loaded.close());
  t.is(loaded.maps.iov_ports.maxEntries, 16);
});

test.serial('a map of another shape is refused and nothing stays loaded', (t) => {
  const iov_ports = BpfMap.create({ type: 'array', name: 'other', keySize: 4, valueSize: 8, maxEntries: 4 });
  t.teardown(() => iov_ports.close());
  t.throws(() => loadIoModules({ maps: { iov_ports } }), { message: /iov_ports/ });
});

test.serial('every module has its object, and loads by itself', (t) => {
  for (const { name, object, programs } of modules) {
    const opened = BpfObject.open(object);
    t.deepEqual([...opened.programs.keys()].sort(), programs.map((p) => p.function).sort(), name);
    opened.close();
  }
});
