import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../../setup/lib/root.mjs';
import { command } from './command.mjs';

/** Runs our playbooks on a site, as an operator does. */
export class Playbooks {
  /** `inventory` as Ansible reads it from JSON; `log` gets all that it prints. */
  constructor(site, inventory, log) {
    this.inventory = join(site.directory, 'inventory.json');
    this.site = site;
    this.log = log;
    writeFileSync(this.inventory, JSON.stringify(inventory, null, 2));
  }

  /**
   * `extra` are further arguments. Resolves with what was printed and, for each host, how many tasks changed something.
   * Rejects when a host failed or could not be reached.
   */
  async run(playbook, ...extra) {
    this.log(`\n$ ansible-playbook ${playbook} ${extra.join(' ')}`);
    const argv = ['ansible-playbook', '-i', this.inventory, `${playbook}.yml`, ...extra];
    const env = {
      ANSIBLE_CONFIG: join(root, 'ansible/ansible.cfg'),
      ANSIBLE_HOST_KEY_CHECKING: 'False',
      ANSIBLE_NOCOLOR: '1',
      ANSIBLE_LOCAL_TEMP: join(this.site.directory, 'ansible'),
      ANSIBLE_SSH_CONTROL_PATH_DIR: join(this.site.directory, 'ssh'),
    };
    const printed = await command(argv, { cwd: join(root, 'ansible'), env, seen: this.log });
    return { printed, changed: changes(printed) };
  }

  /** The same, of which failure is wanted: resolves with what was printed. */
  async fails(playbook, ...extra) {
    const error = await this.run(playbook, ...extra).then(
      () => new Error(`${playbook} ${extra.join(' ')} did not fail`),
      (failed) => failed,
    );
    if (error.output === undefined) throw error;
    return error.output;
  }
}

function changes(printed) {
  const recap = printed.slice(printed.lastIndexOf('PLAY RECAP'));
  return Object.fromEntries(
    [...recap.matchAll(/^(\S+)\s+: ok=\d+\s+changed=(\d+)/gm)].map(([, host, count]) => [
      host,
      Number(count),
    ]),
  );
}
