// Several machines, a management network that Ansible reaches them by, and an underlay for their tunnels.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { command } from './command.mjs';
import { cache, debianImage } from './image.mjs';
import { Machine } from './machine.mjs';

/** Of TEST-NET-3 and the benchmark range: nobody's. */
const network = '198.18.77';

export class Site {
  prefix = 'iva';
  management = 'iva-mgmt';
  underlay = 'iva-underlay';
  machines = [];

  static async create(say) {
    const site = new Site();
    site.image = await debianImage(say);
    site.#lock();
    site.directory = mkdtempSync(join(cache, 'run-'));
    const key = join(site.directory, 'key');
    await command(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key]);
    site.publicKey = readFileSync(`${key}.pub`, 'utf8');
    site.privateKeyFile = key;
    for (const bridge of [site.management, site.underlay]) {
      await command(['ip', 'link', 'delete', bridge]).catch(() => undefined);
      await command(['ip', 'link', 'add', bridge, 'mtu', '1600', 'type', 'bridge', 'mcast_snooping', '0']);
      await command(['ip', 'link', 'set', bridge, 'up']);
    }
    await command(['ip', 'address', 'add', `${network}.1/24`, 'dev', site.management]);
    return site;
  }

  /** Creates and boots a machine; `units` of its image that it is to run. */
  async machine(name, units = []) {
    const machine = new Machine(this, name, `${network}.${10 + this.machines.length}`, units);
    this.machines.push(machine);
    await machine.create();
    await machine.boot();
    return machine;
  }

  async destroy() {
    await Promise.all(this.machines.map((machine) => machine.stop()));
    for (const bridge of [this.management, this.underlay])
      await command(['ip', 'link', 'delete', bridge]).catch(() => undefined);
    rmSync(this.directory, { recursive: true, force: true });
    rmSync(this.#lockFile, { force: true });
  }

  /** What a run left that was killed: its machines, mounts, bridges, directories. */
  static async clean() {
    const site = new Site();
    site.#lock();
    for (const run of readdirSync(cache).filter((name) => name.startsWith('run-'))) {
      const directory = join(cache, run);
      for (const name of readdirSync(directory)) {
        const machine = new Machine({ ...site, directory }, name, '', []);
        if (existsSync(machine.root)) await machine.stop();
      }
      rmSync(directory, { recursive: true, force: true });
    }
    site.directory = join(cache, 'run-none');
    await site.destroy();
  }

  /** The names of bridges and machines are fixed, so one site at a time. */
  #lock() {
    if (existsSync(this.#lockFile)) {
      const pid = readFileSync(this.#lockFile, 'utf8');
      if (existsSync(`/proc/${pid}`)) throw new Error(`another run, process ${pid}, has the machines`);
    }
    mkdirSync(cache, { recursive: true });
    writeFileSync(this.#lockFile, String(process.pid));
  }

  get #lockFile() {
    return join(cache, 'lock');
  }
}
