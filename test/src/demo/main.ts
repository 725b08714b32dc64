// `npm run demo`: OVN logical switches forwarded by eBPF on two hypervisors, told step by step.
import pc from 'picocolors';
import { type Lab, Registry } from '../lab/index.js';
import { Narrator } from './narrator.js';
import { Shell } from './shell.js';
import { Stage } from './stage.js';
import { isolation } from './steps/isolation.js';
import { lifecycle } from './steps/lifecycle.js';
import { network } from './steps/network.js';
import { security } from './steps/security.js';
import { start } from './steps/start.js';
import { tables } from './steps/tables.js';

const name = 'iov';
const usage = 'usage: npm run demo [-- --keep | --clean]';

const picture = `
  ovn-nbctl ─▶ NB ─ northd ─ SB      unmodified OVN, all of it from Debian
                    │
               coordinator           reads NB and SB, writes what ovn-controller would write
              ┌─────┴─────┐
          agent hv1   agent hv2      no ovn-controller, no ovs-vswitchd
          vm1   vm2   vm3   vm4      machines: namespaces; eBPF at their taps; VXLAN between the hypervisors`;

/** A former run, kept or crashed, is removed; returns how many. */
async function clean(): Promise<number> {
  const all = Registry.all().filter(
    (registry) => registry.name === name || (!registry.owned && !registry.kept),
  );
  for (const registry of all) await registry.clean();
  return all.length;
}

async function tell(narrator: Narrator, lab: Lab): Promise<Shell> {
  const shell = new Shell(lab);
  const stage = new Stage(lab, narrator, shell);
  for (const act of [network, security, lifecycle, isolation, tables]) await act(stage);
  return shell;
}

/** How to go on by hand. */
function goOn(narrator: Narrator, shell: Shell): void {
  narrator.say(`
It keeps running. In any shell, as root:
    ${pc.bold(`source ${shell.writeEnvironment()}`)}
    ovn-nbctl show                 # the logical switches
    vm1 ping 10.0.0.3              # inside a machine: vm1 … vm6
    hv1 ovs-vsctl show             # on a hypervisor: hv1, hv2
    iovctl ports                   # also: status nodes switches modules drops problems
To remove every trace:
    ${pc.bold('npm run demo -- --clean')}`);
}

/** What the daemons said last, when something went wrong. */
function logs(narrator: Narrator, lab: Lab): void {
  const processes = [lab.coordinator.process, ...lab.hypervisors.map(({ agent }) => agent)];
  for (const process of processes) {
    if (!process) continue;
    narrator.say(`\n${pc.dim(`── last lines of ${process.name}`)}`);
    narrator.say(process.tail());
  }
}

async function demo(keep: boolean): Promise<number> {
  const former = Registry.open(name);
  if (former?.owned || former?.kept) {
    console.error('A demo is already here. Remove it first: npm run demo -- --clean');
    return 1;
  }
  const narrator = new Narrator();
  narrator.say(pc.bold('\nOVN logical switches, forwarded by eBPF on two hypervisors'));
  narrator.say(picture);
  let lab: Lab | undefined;
  const interrupted = async () => {
    narrator.silence();
    console.error('\nInterrupted; removing everything …');
    await (lab?.destroy() ?? clean());
    process.exit(130);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, interrupted);
  lab = await start(narrator, name, keep);
  if (!lab) return 1;
  const shell = await tell(narrator, lab);
  const ok = narrator.failed.length === 0;
  if (!ok) logs(narrator, lab);
  narrator.summary();
  if (keep) {
    lab.keep();
    goOn(narrator, shell);
  } else await lab.destroy();
  return ok ? 0 : 1;
}

async function main(args: string[]): Promise<number> {
  const [flag, ...rest] = args;
  if (rest.length > 0 || (flag !== undefined && flag !== '--keep' && flag !== '--clean')) {
    console.error(usage);
    return 2;
  }
  if (flag === '--clean') {
    console.log((await clean()) > 0 ? 'Every trace of the demo is removed.' : 'There was nothing to remove.');
    return 0;
  }
  return demo(flag === '--keep');
}

// Daemons that outlive us would keep the event loop alive.
process.exit(await main(process.argv.slice(2)));
