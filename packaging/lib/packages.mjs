// What is in each package.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../setup/lib/root.mjs';
import { configurationFile } from './configuration.mjs';
import { copyright } from './copyright.mjs';
import { helpOf } from './help.mjs';
import { manPage } from './manpage.mjs';

const lib = 'usr/lib/iovisor-ovn';
const ours = `${lib}/node_modules/@iovisor-ovn`;
const debian = join(root, 'packaging/debian');
/** Packages of this repository that several executables need. */
const shared = [
  'packages/ovsdb-client',
  'packages/exposition',
  'packages/systemd',
  'packages/log',
  'packages/endpoint',
  'proto',
];

/**
 * @typedef {{ version: string, seconds: number, node: object, modules: Map<string, object> }} Context
 * `modules`: what of npm's is needed at run time
 */

/** @type {{ name: string, description: string, fields(context: Context): object, fill(stage: Stage, context: Context): Promise<void> | void }[]} */
export const packages = [
  {
    name: 'iovisor-ovn-common',
    description: `what the programs of IOVisor-OVN share
IOVisor-OVN forwards OVN's logical networks with eBPF. This package has the Node.js that
runs its programs, and the libraries that they share.`,
    fields: ({ node }) => ({ Depends: [...node.depends, 'adduser'].join(', ') }),
    fill(stage, { version, node, modules }) {
      if (node.binary) stage.copy(node.binary, `${lib}/bin/node`, 0o755);
      for (const [path, { directory }] of modules)
        stage.copyThirdParty(directory, `${lib}/node_modules/${path}`);
      for (const workspace of shared) own(stage, workspace, version);
      // For gRPC reflection, which reads them.
      stage.copyTree(join(root, 'proto/iovisor'), `${ours}/proto/iovisor`, (path) => path.endsWith('.proto'));
      stage.makeDirectory('etc/iovisor/pki');
    },
  },
  {
    name: 'iovisor-ovn-coordinator',
    description: `IOVisor-OVN's coordinator, beside OVN's databases
It reads OVN's Northbound and Southbound databases, tells the agents on all hypervisors
what to forward, and writes back what ovn-controller would write.`,
    fields: ({ version }) => ({
      Depends: `iovisor-ovn-common (= ${version})`,
      Recommends: 'iovisor-ovn-iovctl',
      Suggests: 'ovn-central',
    }),
    async fill(stage, context) {
      const to = own(stage, 'coordinator', context.version, ['dist/cli']);
      command(stage, context, 'iovisor-coordinator', `${to}/bin/iovisor-coordinator.js`, 'coordinator');
      stage.copy(unit('coordinator'), 'lib/systemd/system/iovisor-coordinator.service');
      const { coordinatorSettings } = await built('coordinator/dist/config/coordinator-config.js');
      // OVN's unix sockets are for root only, and the service is not root.
      const databases = { nb: 'tcp:127.0.0.1:6641', sb: 'tcp:127.0.0.1:6642' };
      const intro = 'iovisor-coordinator(8): whoever changes this restarts iovisor-coordinator.service.';
      stage.write(
        'etc/iovisor/coordinator.yaml',
        configurationFile(intro, coordinatorSettings, 9650, databases),
      );
      page(stage, context, 'iovisor-coordinator', 8, 'coordinator/bin/iovisor-coordinator.js');
    },
  },
  {
    name: 'iovisor-ovn-agent',
    description: `IOVisor-OVN's agent, on each hypervisor
It takes the place of ovn-controller and ovs-vswitchd: it loads eBPF programs, attaches them
to the interfaces of virtual machines and containers, and fills their maps. The programs are
compiled already. They forward on while the agent is restarted or upgraded.`,
    fields: ({ version }) => ({
      Depends: `iovisor-ovn-common (= ${version}), libbpf1, openvswitch-switch`,
      Recommends: 'iproute2',
      Suggests: 'clang, libbpf-dev, linux-libc-dev, iovisor-ovn-iovctl',
    }),
    async fill(stage, context) {
      own(stage, 'packages/libbpf', context.version);
      const modules = own(stage, 'iomodules', context.version);
      for (const headers of ['include', 'hover/include'])
        stage.copyTree(join(root, 'iomodules', headers), `${modules}/${headers}`, (path) =>
          path.endsWith('.h'),
        );
      const examples = 'usr/share/doc/iovisor-ovn-agent/examples';
      stage.copyTree(join(root, 'iomodules/examples'), examples, (path) => path.endsWith('.yaml'));
      const to = own(stage, 'agent', context.version);
      command(stage, context, 'iovisor-agent', `${to}/bin/iovisor-agent.js`, 'agent');
      stage.copy(unit('agent'), 'lib/systemd/system/iovisor-agent.service');
      stage.copy(
        join(debian, 'iovisor-ovn-agent/end-other-data-plane'),
        `${lib}/libexec/end-other-data-plane`,
        0o755,
      );
      for (const other of ['ovs-vswitchd', 'ovn-controller'])
        stage.copy(
          join(debian, 'iovisor-ovn-agent/not-beside-iovisor-agent.conf'),
          `lib/systemd/system/${other}.service.d/not-beside-iovisor-agent.conf`,
        );
      const { OPTIONS } = await built('agent/dist/config/options.js');
      const intro =
        'iovisor-agent(8): whoever changes this restarts iovisor-agent.service; the data plane goes on meanwhile.';
      stage.write('etc/iovisor/agent.yaml', configurationFile(intro, OPTIONS, 9651));
      page(stage, context, 'iovisor-agent', 8, 'agent/bin/iovisor-agent.js');
    },
  },
  {
    name: 'iovisor-ovn-iovctl',
    description: `IOVisor-OVN's command line
iovctl shows hypervisors, ports, tunnels, drops and problems, and traces packets.`,
    fields: ({ version }) => ({ Depends: `iovisor-ovn-common (= ${version})` }),
    async fill(stage, context) {
      // Most of it is the coordinator's; a copy, so that either is installed without the other.
      const to = own(stage, 'coordinator', context.version, [], 'iovctl');
      command(stage, context, 'iovctl', `${to}/bin/iovctl.js`, 'coordinator');
      const { connectionSettings } = await built('coordinator/dist/cli/options.js');
      const intro = 'iovctl(1): flags and environment variables win over what is here.';
      stage.write('etc/iovisor/iovctl.yaml', configurationFile(intro, connectionSettings, 9650));
      page(stage, context, 'iovctl', 1, 'coordinator/bin/iovctl.js');
    },
  },
];

/** @returns maintainer scripts of a package, complete */
export function maintainerScripts(name, { node }) {
  const directory = join(debian, name);
  if (!existsSync(directory)) return {};
  const scripts = readdirSync(directory).filter((file) => /^(pre|post)(inst|rm)$/.test(file));
  const content = (script) => readFileSync(join(directory, script), 'utf8').replaceAll('@NODE@', node.path);
  return Object.fromEntries(scripts.map((script) => [script, content(script)]));
}

/** Licences and what changed, which each package has. */
export function documents(stage, { name }, { version, seconds, node, modules }) {
  const directory = `usr/share/doc/${name}`;
  const common = name === 'iovisor-ovn-common' ? { node, modules } : {};
  stage.write(`${directory}/copyright`, copyright({ bpf: name === 'iovisor-ovn-agent', ...common }));
  const date = new Date(seconds * 1000).toUTCString().replace('GMT', '+0000');
  const entry = `iovisor-ovn (${version}) unstable; urgency=medium\n\n  * Built from the repository, which has the history.\n\n -- IOVisor-OVN developers <iovisor-ovn@localhost>  ${date}\n`;
  stage.writeCompressed(`${directory}/changelog`, entry);
}

/** A package of this repository; `without` folders of it. @returns where it is */
function own(stage, workspace, version, without = [], name = workspace.split('/').at(-1)) {
  const to = `${ours}/${name}`;
  stage.copyOwn(join(root, workspace), to, version, without);
  return to;
}

/** An executable: run by our Node, and in the path. */
function command(stage, { node }, name, target, workspace) {
  const source = readFileSync(join(root, workspace, 'bin', `${name}.js`), 'utf8');
  stage.write(target, source.replace(/^#!.*/, `#!${node.path}`), 0o755);
  stage.link(`usr/bin/${name}`, `../${target.slice('usr/'.length)}`);
}

const unit = (name) => join(debian, `iovisor-ovn-${name}`, `iovisor-${name}.service`);
const built = (path) => import(join(root, path));

function page(stage, { version, seconds }, name, section, script) {
  const more = readFileSync(join(root, 'packaging/man', `${name}.${section}`), 'utf8');
  const text = manPage(helpOf(join(root, script)), { name, section, version, seconds, more });
  stage.writeCompressed(`usr/share/man/man${section}/${name}.${section}`, text);
}
