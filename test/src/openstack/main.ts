// A real Neutron server over our hypervisors: `node test/openstack/run.mjs`.
import { join } from 'node:path';
import pc from 'picocolors';
import { Narrator } from '../demo/narrator.js';
import { Lab, Registry } from '../lab/index.js';
import { MariaDb } from './mariadb.js';
import { NeutronServer } from './neutronServer.js';
import { addPhysicalNetwork } from './physicalNetwork.js';
import { oursOnly, Scenario, scenes } from './scenario.js';

const name = 'iovos';
const port = 19_696;

/** Over stock ovn-controllers and ovs-vswitchds instead, to see whether a difference is ours. */
const stock = process.argv.includes('--stock');
const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const all = Object.keys(scenes).filter((scene) => !stock || !oursOnly.includes(scene));
const wanted = named.length > 0 ? named : all;

async function main(): Promise<number> {
  await Registry.open(name)?.clean();
  const narrator = new Narrator();
  narrator.say(
    pc.bold(
      `\nOpenStack Neutron with ML2/OVN, unmodified, over two of ${stock ? 'stock' : 'our'} hypervisors`,
    ),
  );
  const lab = await Lab.create({ name, encap: 'geneve', ...(stock && { hypervisors: 0, stock: 2 }) });
  let database: MariaDb | undefined;
  let neutron: NeutronServer | undefined;
  const stop = async () => {
    await neutron?.stop();
    await database?.stop();
    await lab.destroy();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => void stop().finally(() => process.exit(130)));
  try {
    const wire = await addPhysicalNetwork(lab, 'physnet1', 'br-ex');
    await narrator.step('MariaDB and neutron-server start', 'its REST API answers', async () => {
      database = await MariaDb.start(join(lab.registry.dir, 'mariadb'));
      const places = { dir: join(lab.registry.dir, 'neutron'), databaseUrl: database.url, port };
      neutron = await NeutronServer.start(
        { ...places, nb: lab.central.nb, sb: lab.central.sb },
        lab.registry,
      );
      return { ok: true, seen: `http://127.0.0.1:${port}` };
    });
    if (neutron) await new Scenario(lab, wire, neutron.api, narrator, wanted).run();
    narrator.summary();
  } finally {
    await stop();
  }
  return narrator.failed.length === 0 ? 0 : 1;
}

process.exit(await main());
