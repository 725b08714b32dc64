import { join } from 'node:path';
import { root } from '../../../setup/lib/root.mjs';
import { command } from './command.mjs';

/** DevStack's functions that the plugin calls, as far as they do anything: its services are units of systemd, too. */
const devstack = (address) => `set -e
DEST=/opt/stack SERVICE_HOST=${address} SYSTEMCTL=systemctl SYSTEMD_DIR=/etc/systemd/system
OVN_NB_REMOTE=tcp:127.0.0.1:6641 OVN_SB_REMOTE=tcp:127.0.0.1:6642
IOVISOR_OVN_PACKAGES=/var/cache/devstack/packages
ENABLED_SERVICES=ovn-northd,ovn-controller
function is_service_enabled { local s; for s in "$@"; do [[ ",$ENABLED_SERVICES," == *",$s,"* ]] && return 0; done; return 1; }
function enable_service { ENABLED_SERVICES+=",$1"; }
function die { echo "die \${*:2}" >&2; exit 1; }
function echo_summary { echo "$*"; }
function run_process { systemd-run --quiet --collect --unit="devstack@$1" $2; }
function stop_process { systemctl stop "devstack@$1"; }
function sudo { "$@"; }
source /var/cache/devstack/settings
`;

/** The plugin of devstack/ on a controller that is a hypervisor, too, with packages. */
export class DevStack {
  #machine;

  static async on(machine, packages) {
    const stack = new DevStack();
    stack.#machine = machine;
    const directory = join(machine.root, 'var/cache/devstack');
    await machine.sh('mkdir -p /var/cache/devstack');
    await command(['cp', '-r', packages, join(directory, 'packages')]);
    for (const file of ['plugin.sh', 'settings'])
      await command(['cp', join(root, 'devstack', file), directory]);
    return stack;
  }

  /** Runs phases as DevStack does: the plugin is sourced once for each, in one shell. */
  run(...phases) {
    const lines = phases.map((phase) => `source /var/cache/devstack/plugin.sh ${phase}\n`).join('');
    return this.#machine.run('bash', '-c', devstack(this.#machine.address) + lines);
  }
}
