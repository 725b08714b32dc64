// The playbooks of ansible/ for real, on Debian machines made for it: node test/ansible/run.mjs (see README.md beside this).
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../../setup/lib/root.mjs';
import { command, until } from './lib/command.mjs';
import { DevStack } from './lib/devstack.mjs';
import { leftovers, listing } from './lib/leftovers.mjs';
import { Pki } from './lib/pki.mjs';
import { Playbooks } from './lib/playbook.mjs';
import { hasPrometheus, scrapes } from './lib/prometheus.mjs';
import { Site } from './lib/site.mjs';
import { stockHypervisor, underlayAddress } from './lib/stock.mjs';
import { shownCertificate } from './lib/tls.mjs';
import { Vm } from './lib/vm.mjs';

const { values: options } = parseArgs({
  options: {
    verbose: { type: 'boolean', short: 'v', default: false },
    keep: { type: 'boolean', default: false },
    packages: { type: 'string' },
    plaintext: { type: 'boolean', default: false },
    clean: { type: 'boolean', default: false },
  },
});
const began = performance.now();
const logFile = '/var/log/iovisor-setup/ansible.log';
const metricsPort = { coordinator: 9650, agent: 9651 };
const [older, newer] = ['0.1.0', '0.2.0'];

function log(line) {
  appendFileSync(logFile, `${line}\n`);
  if (options.verbose) console.log(`    ${line}`);
}

async function step(what, work) {
  const start = performance.now();
  log(`\n==== ${what}`);
  const said = await work();
  const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(6);
  console.log(`✔ ${seconds} s  ${what}${said ? `: ${said}` : ''}`);
}

/** Packages of two versions, of what is checked out, or those of an earlier run. */
async function packages(directory) {
  if (options.packages) return void (await command(['cp', '-rT', options.packages, directory]));
  for (const version of [older, newer]) {
    const out = join(directory, version);
    await command([process.execPath, join(root, 'packaging/main.mjs'), '--version', version, '--out', out]);
  }
}

function inventory(site, { central, hypervisors }) {
  const ssh = (machine) => ({ ansible_host: machine.address });
  const hosts = (machines, more = () => ({})) =>
    Object.fromEntries(machines.map((machine) => [machine.name, { ...ssh(machine), ...more(machine) }]));
  return {
    all: {
      vars: {
        ansible_user: 'root',
        ansible_ssh_private_key_file: site.privateKeyFile,
        ansible_python_interpreter: '/usr/bin/python3',
        iovisor_artifact_directory: join(site.directory, older),
        ...security(site),
      },
      children: {
        iovisor_coordinators: {
          hosts: hosts([central]),
          vars: {
            coordinator_nb: 'tcp:127.0.0.1:6641',
            coordinator_sb: 'tcp:127.0.0.1:6642',
            coordinator_listen: ['unix:/run/iovisor-coordinator/coordinator.sock', `${central.address}:6650`],
            ...(options.plaintext
              ? {}
              : { coordinator_metrics: `${central.address}:${metricsPort.coordinator}` }),
          },
        },
        iovisor_admins: { hosts: { [central.name]: {} } },
        iovisor_agents: {
          hosts: hosts(hypervisors, (machine) => ({
            agent_encap_ip: underlayAddress(machine),
            ...(options.plaintext ? {} : { agent_metrics: `${machine.address}:${metricsPort.agent}` }),
          })),
          vars: {
            agent_coordinators: [`${central.address}:6650`],
            agent_encap_type: 'geneve',
            agent_remove_chassis_on: 'central',
          },
        },
      },
    },
  };
}

function security(site) {
  if (options.plaintext)
    return {
      coordinator_insecure_listen_plaintext: true,
      agent_insecure_plaintext: true,
      iovctl_insecure_plaintext: true,
    };
  return {
    iovisor_pki_directory: join(site.directory, 'pki'),
    iovisor_pki_ca: join(site.directory, 'pki/cacert.pem'),
  };
}

/** With what names a running service has changed if it was started again. */
const incarnation = (machine, unit) =>
  machine.sh(`systemctl show --property=MainPID,ActiveEnterTimestampMonotonic ${unit}`);

const idle = (changed) => Object.values(changed).every((count) => count === 0);

async function story(site) {
  await step(`packages ${older} and ${newer}`, () => packages(site.directory));
  const [central, hv1, hv2, hv3] = await bootAll(site);
  const machines = [central, hv1, hv2, hv3];
  const pki = await Pki.create(site, [
    ...machines.map(({ name }) => name),
    ...['iovisor-admin', 'iovisor-read-only'],
  ]);
  const play = new Playbooks(site, inventory(site, { central, hypervisors: [hv1, hv2, hv3] }), log);
  const fresh = ['--limit', 'central,hv1,hv2'];
  const before = new Map();
  for (const machine of machines) before.set(machine.name, await listing(machine));
  const vm1 = new Vm(hv1, 'vm1', 1);
  const vm2 = new Vm(hv2, 'vm2', 2);
  const vm3 = new Vm(hv3, 'vm3', 3);

  if (process.env.FAST === undefined) {
    await step('precheck finds nothing wrong', async () => {
      assert.ok(idle((await play.run('precheck', '--limit', 'central,hv1,hv2')).changed));
    });
    await step('precheck says all that is wrong at once', async () => {
      const said = await play.fails(
        'precheck',
        ...['--limit', 'hv1', '-e', 'agent_minimum_kernel=99 agent_minimum_disk_mb=99999999'],
      );
      assert.match(said, /is older than 99/);
      assert.match(said, /99999999 are wanted/);
    });
    await step('deploy.yml refuses a hypervisor with a stock ovn-controller', async () => {
      assert.match(await play.fails('deploy', '--limit', 'hv3'), /that is for migrate\.yml/);
    });
    await step('deploy --check on fresh machines changes nothing', async () => {
      await play.run('deploy', '--check', ...fresh);
      for (const machine of machines)
        assert.deepEqual(await leftovers(machine, before.get(machine.name)), []);
    });
  }
  await step('deploy on fresh machines', async () => {
    await play.run('deploy', ...fresh);
  });
  await step('deploy again changes nothing', async () => {
    assert.deepEqual((await play.run('deploy', ...fresh)).changed, { central: 0, hv1: 0, hv2: 0 });
    assert.deepEqual((await play.run('deploy', '--check', ...fresh)).changed, { central: 0, hv1: 0, hv2: 0 });
  });
  await step('machines reach each other, on one hypervisor of stock OVN, too', async () => {
    await central.sh(`ovn-nbctl ls-add sw0
      for n in 1 2 3; do
        ovn-nbctl lsp-add sw0 vm$n -- lsp-set-addresses vm$n "02:00:00:00:00:0$n 10.77.0.$n" -- lsp-set-port-security vm$n "02:00:00:00:00:0$n 10.77.0.$n"
      done`);
    for (const vm of [vm1, vm2, vm3]) await vm.plug();
    await until('vm1 reaches vm2', () => vm1.reaches(vm2));
    await until('vm2 reaches vm3', () => vm2.reaches(vm3));
  });
  await step('check', async () => {
    assert.ok(idle((await play.run('check', ...fresh)).changed));
  });
  await step('iovctl needs no flags on the machine of an administrator', async () => {
    const nodes = JSON.parse(await central.sh('iovctl --json nodes'));
    const chassis = nodes.filter(({ connected }) => connected).map(({ chassis }) => chassis);
    assert.deepEqual(chassis.sort(), ['hv1', 'hv2']);
  });

  const to = (version) => ['-e', `iovisor_artifact_directory=${join(site.directory, version)}`, ...fresh];
  const installed = (machine) =>
    machine.sh('dpkg-query -W iovisor-ovn-common | cut -f2').then((text) => text.trim());
  const underPing = async (work) => {
    const series = vm1.ping(vm2);
    await work();
    const { sent, lost } = await series.stop();
    assert.ok(sent > 100, `${sent} pings`);
    assert.equal(lost, 0, `${lost} of ${sent} pings lost`);
    return `0 of ${sent} pings lost`;
  };
  if (!options.plaintext)
    await certificates({ site, pki, play, fresh, underPing, machines: [central, hv1, hv2] });
  await step('systemd-analyze security says what docs/packages.md says', async () => {
    const text = readFileSync(join(root, 'docs/packages.md'), 'utf8').replaceAll(/\s+/g, ' ');
    const [, ...documented] = /says ([\d.]+) for the coordinator.*? and ([\d.]+) for the agent/.exec(text);
    const score = async (machine, unit) =>
      /exposure level for \S+: ([\d.]+)/.exec(
        await machine.sh(`systemd-analyze security --no-pager ${unit} | tail -1`),
      )[1];
    const measured = [await score(central, 'iovisor-coordinator'), await score(hv1, 'iovisor-agent')];
    assert.deepEqual(measured, documented);
    return `${measured.join(' and ')}`;
  });
  await step('an upgrade stops at the first node that does not serve', async () => {
    const bad = JSON.stringify({
      agent_extra_config: { ovsdb: 'unix:/nowhere.sock' },
      agent_probe_retries: 2,
    });
    const said = await play.fails('upgrade', ...to(newer), '-e', bad);
    assert.match(said, /iovisor-agent on hv1: .*ovsdb.* not SERVING/);
    assert.deepEqual(await Promise.all([hv1, hv2].map(installed)), [newer, older]);
    assert.ok(await vm1.reaches(vm2), 'the data plane goes on');
  });
  await step('upgrade under ping', () => underPing(() => play.run('upgrade', ...to(newer))));
  await step('upgrade again changes nothing', async () => {
    assert.ok(idle((await play.run('upgrade', ...to(newer))).changed));
    for (const machine of [central, hv1, hv2]) assert.equal(await installed(machine), newer);
  });
  await step('rollback under ping', () => underPing(() => play.run('rollback', ...fresh)));
  await step('rollback again changes nothing', async () => {
    assert.ok(idle((await play.run('rollback', ...fresh)).changed));
    for (const machine of [central, hv1, hv2]) assert.equal(await installed(machine), older);
  });
  await step('a hypervisor that is booted forwards again, without ovs-vswitchd', async () => {
    await hv2.reboot();
    await underlay(hv2);
    assert.equal((await hv2.sh('systemctl is-active ovs-vswitchd || true')).trim(), 'inactive');
    assert.equal((await hv2.sh('systemctl is-active openvswitch-switch')).trim(), 'active');
    await hv2.sh(`ovs-vsctl --no-wait --if-exists del-port ${vm2.tap}`);
    await vm2.plug();
    await until('vm1 reaches vm2', () => vm1.reaches(vm2));
  });

  await step('migrate a hypervisor from stock OVN under ping', async () => {
    const said = await interruption(vm1, vm3, () =>
      play.run('migrate', '--limit', 'central,hv3', '-e', '{"agent_migrate_probes": ["172.31.77.11"]}'),
    );
    assert.equal((await hv3.sh('pidof ovs-vswitchd ovn-controller || true')).trim(), '');
    return said;
  });
  await step('migrate again changes nothing', async () => {
    assert.ok(idle((await play.run('migrate', '--limit', 'central,hv3')).changed));
  });
  await step('back out under ping', async () => {
    const said = await interruption(vm1, vm3, () => play.run('back-out', '--limit', 'hv3'));
    assert.notEqual((await hv3.sh('pidof ovs-vswitchd')).trim(), '');
    return said;
  });
  await step('back out again changes nothing', async () => {
    assert.ok(idle((await play.run('back-out', '--limit', 'hv3')).changed));
  });
  await step('a migration that fails goes back by itself', async () => {
    const bad = JSON.stringify({
      agent_extra_config: { ovsdb: 'unix:/nowhere.sock' },
      agent_migrate_timeout: 5,
    });
    const said = await play.fails('migrate', '--limit', 'hv3', '-e', bad);
    assert.match(said, /hv3 forwards as before, it went back by itself/);
    await until('vm1 reaches vm3', () => vm1.reaches(vm3));
  });

  await step('remove refuses while machines are plugged', async () => {
    assert.match(await play.fails('remove', '--limit', 'hv1'), /1 ports are plugged on hv1/);
  });
  await step('remove leaves nothing but logs', async () => {
    for (const vm of [vm1, vm2, vm3]) await vm.unplug();
    await play.run('remove');
    for (const machine of machines) {
      const left = await leftovers(machine, before.get(machine.name));
      assert.deepEqual(left, [], `${machine.name}: ${left.join(' ')}`);
    }
    const chassis = await central.sh('ovn-sbctl --bare --columns=name list Chassis');
    assert.deepEqual(chassis.split(/\s+/).filter(Boolean), ['hv3'], 'only stock ones');
    assert.ok(idle((await play.run('remove')).changed), 'a second run changes nothing');
  });
  await devstack(central, join(site.directory, newer), before.get(central.name));
}

/** central with OVN, hv1 and hv2 as an installer leaves them, hv3 with stock OVN. */
async function bootAll(site) {
  let machines;
  await step('four Debian machines', async () => {
    machines = [
      await site.machine('central', ['ovn-central']),
      ...(await Promise.all([site.machine('hv1'), site.machine('hv2'), site.machine('hv3', ['ovn-host'])])),
    ];
    const [central, hv1, hv2, hv3] = machines;
    // Its units count as started before the databases listen.
    await until('the databases of central', () =>
      central
        .sh('ovn-nbctl set-connection ptcp:6641:127.0.0.1; ovn-sbctl set-connection ptcp:6642')
        .then(() => true),
    );
    await Promise.all([underlay(hv1), underlay(hv2)]);
    await stockHypervisor(hv3, central);
  });
  return machines;
}

function underlay(machine) {
  return machine.run('ip', 'address', 'add', `${underlayAddress(machine)}/24`, 'dev', 'uplink');
}

/** What renewed certificates do: they are read by a reload, with which nothing is restarted. */
async function certificates({ site, pki, play, fresh, underPing, machines }) {
  const [central, hv1, hv2] = machines;
  const unit = (machine) => (machine === central ? 'iovisor-coordinator' : 'iovisor-agent');
  const role = (machine) => unit(machine).slice('iovisor-'.length);
  const reader = pki.files('iovisor-read-only');
  const shown = (machine) => shownCertificate(machine.address, metricsPort[role(machine)], reader);
  const fingerprint = (machine) =>
    new X509Certificate(readFileSync(pki.files(machine.name).cert)).fingerprint256;
  const agree = async () => {
    for (const machine of machines) assert.equal(await shown(machine), fingerprint(machine), machine.name);
  };
  if (hasPrometheus)
    await step('Prometheus scrapes all with the jobs of observability/, over TLS', async () => {
      const seen = await scrapes(site, { coordinators: [central], agents: [hv1, hv2], files: reader });
      assert.deepEqual(seen, ['central:9650', 'hv1:9651', 'hv2:9651']);
    });
  else console.log('  without Prometheus: its jobs are not tried (apt-get install prometheus)');
  await step(
    'deploy with renewed certificates, under ping: in use at its end, nothing restarted',
    async () => {
      await agree();
      const before = await Promise.all(machines.map((machine) => incarnation(machine, unit(machine))));
      for (const machine of machines) await pki.sign(machine.name);
      const said = await underPing(async () => {
        const { changed } = await play.run('deploy', ...fresh);
        for (const machine of machines) assert.ok(changed[machine.name] > 0, machine.name);
      });
      await agree();
      const after = await Promise.all(machines.map((machine) => incarnation(machine, unit(machine))));
      assert.deepEqual(after, before);
      assert.ok(idle((await play.run('deploy', ...fresh)).changed));
      return said;
    },
  );
  await step('systemctl reload returns when new certificates are in effect', async () => {
    const before = await Promise.all(machines.map((machine) => incarnation(machine, unit(machine))));
    // They would be read within two seconds without it, too: three times, and at once.
    for (let round = 0; round < 3; round++)
      for (const machine of machines) {
        await pki.sign(machine.name);
        for (const [part, file] of Object.entries(pki.files(machine.name)))
          writeFileSync(
            join(machine.root, `etc/iovisor/pki/${role(machine)}-${part}.pem`),
            readFileSync(file),
          );
        await machine.sh(`systemctl reload ${unit(machine)}`);
        assert.equal(await shown(machine), fingerprint(machine), machine.name);
        assert.equal((await machine.sh(`systemctl is-active ${unit(machine)}`)).trim(), 'active');
      }
    const after = await Promise.all(machines.map((machine) => incarnation(machine, unit(machine))));
    assert.deepEqual(after, before);
  });
}

/** The plugin of devstack/, phase by phase, with what DevStack's own functions do on a machine. */
async function devstack(machine, packages, before) {
  const state = (unit) => machine.sh(`systemctl is-active ${unit} || true`).then((text) => text.trim());
  const plugin = await DevStack.on(machine, packages);
  await step('DevStack: stack', async () => {
    await plugin.run('stack pre-install', 'stack install', 'stack post-config');
    // What DevStack's ovn_agent does afterwards; ovs-vsctl waits for somebody who answers as ovs-vswitchd does.
    await machine.sh(`for unit in ovsdb-server ovs-vswitchd ovn-controller; do systemctl restart $unit; done
      ovs-vsctl --timeout=60 set Open_vSwitch . external_ids:system-id=stack external_ids:hostname=stack \\
        external_ids:ovn-encap-type=geneve external_ids:ovn-encap-ip=127.0.0.1 -- --may-exist add-br br-ex`);
    for (const unit of ['ovs-vswitchd', 'ovn-controller']) assert.notEqual(await state(unit), 'active', unit);
    const iovctl = `iovctl --coordinator ${machine.address}:6650 --insecure-plaintext --json`;
    await until('the agent is connected', async () =>
      JSON.parse(await machine.sh(`${iovctl} nodes`)).some(
        (node) => node.chassis === 'stack' && node.connected,
      ),
    );
  });
  await step('DevStack: unstack and clean leave nothing', async () => {
    await machine.sh('ovs-vsctl --timeout=60 del-br br-ex');
    await plugin.run('unstack', 'clean');
    const left = await leftovers(machine, before);
    assert.deepEqual(left, []);
    await machine.sh('systemctl start ovs-vswitchd');
    assert.equal(await state('ovs-vswitchd'), 'active');
  });
}

/**
 * How much longer than the play says a machine may have heard nothing. The play counts from the end of one data plane until the other says of each port that it
 * forwards (ovn-installed), and repeats a gratuitous ARP for the host's addresses every 0.3 s; a neighbour that still sends to the MAC of before asks
 * again after a second (the kernel's retrans_time).
 */
const slackMs = 1300;

/** Runs `work` under ping, and says how long that was interrupted, and what the play says of it. */
async function interruption(from, to, work) {
  const series = from.ping(to);
  await series.answered();
  const { printed } = await work();
  await until('ping answered again', () => from.reaches(to));
  await series.answered();
  const { sent, lost, silentMs } = await series.stop();
  const [, summary] = printed
    .replaceAll(/\s+/g, ' ')
    .match(/(to (?:iovisor|stock): .*?)['"]? (?:TASK|PLAY)/) ?? ['', 'no summary'];
  const [, seconds] =
    /1 ports forward again after ([\d.]+) s, 1 of 1 taps kept/.exec(summary) ?? assert.fail(summary);
  const bound = Number(seconds) * 1000 + slackMs;
  assert.ok(
    silentMs <= bound,
    `${from.name} heard nothing of ${to.name} for ${silentMs} ms, more than ${bound} ms`,
  );
  return `${from.name} heard nothing of ${to.name} for ${silentMs} ms (at most ${Math.round(bound)}), ${lost} of ${sent} pings lost; the play says “${summary.trim()}”`;
}

/** What our services said last on a machine that a step has failed on. */
function journal(machine) {
  const shown = machine.sh(`journalctl --no-pager --output=cat -n 20 -u 'iovisor-*'
    journalctl --no-pager --output=cat -n 8 -u 'ovs*' -u ovn-controller`);
  return shown.then(
    (text) => `\n${machine.name}:\n${text}`,
    (error) => `\n${machine.name}: ${error.message}`,
  );
}

async function main() {
  mkdirSync('/var/log/iovisor-setup', { recursive: true });
  writeFileSync(logFile, '');
  if (options.clean) return void (await Site.clean());
  const site = await Site.create((text) => console.log(`… ${text}`));
  const destroy = () => site.destroy();
  const interrupted = () => destroy().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    await story(site);
    console.log(
      `\nAll of it: ${((performance.now() - began) / 1000).toFixed(0)} s. What Ansible said: ${logFile}`,
    );
  } catch (error) {
    console.error(`✘ ${error.stack}\n\nWhat Ansible said: ${logFile}`);
    process.exitCode = 1;
    for (const machine of site.machines) console.error(await journal(machine));
    if (options.keep) {
      console.error(
        `\nThe machines stay: ${site.machines.map((one) => `${one.name}: ${one.prefix.join(' ')}`).join('\n')}`,
      );
      process.stdin.resume();
      await new Promise(() => undefined);
    }
  }
  await destroy();
}

await main();
