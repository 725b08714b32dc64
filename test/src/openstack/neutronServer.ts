import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command, LabProcess, type Registry, until } from '../lab/index.js';
import { NeutronApi } from './neutronApi.js';
import { type NeutronPlaces, neutronConf } from './neutronConf.js';

/** Debian's Python, whatever else is first in PATH; the driver calls ovsdb-client by name. */
const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LC_ALL: 'C.UTF-8' };

/** Debian's neutron-server, unmodified, with ML2/OVN over a given central. */
export class NeutronServer {
  private constructor(
    readonly api: NeutronApi,
    private readonly process: LabProcess,
  ) {}

  /** Makes its tables and starts it; resolves when it answers. */
  static async start(places: NeutronPlaces, registry: Registry): Promise<NeutronServer> {
    mkdirSync(join(places.dir, 'lock'), { recursive: true });
    const conf = join(places.dir, 'neutron.conf');
    writeFileSync(conf, neutronConf(places));
    const python = ['env', '-i', ...Object.entries(environment).map(([key, value]) => `${key}=${value}`)];
    python.push('/usr/bin/python3');
    await command([...python, '/usr/bin/neutron-db-manage', '--config-file', conf, 'upgrade', 'heads'], {
      timeoutMs: 180_000,
    });
    const log = join(places.dir, 'neutron.log');
    const process = new LabProcess({
      name: 'neutron-server',
      argv: [...python, '/usr/bin/neutron-server', '--config-file', conf, '--log-file', log],
      logFile: join(places.dir, 'neutron.out'),
      registry,
    });
    const api = new NeutronApi(`http://127.0.0.1:${places.port}`);
    await process.during(() => until('neutron-server answers', async () => api.list('networks'), 90_000));
    return new NeutronServer(api, process);
  }

  stop(): Promise<void> {
    return this.process.stop();
  }
}
