import test from 'ava';
import { CommandError, type Lab, until } from '../lab/index.js';
import { ip4, ip6, mac, network } from './support/network.js';

interface Step {
  module: string;
  program: string;
  verdict: string;
  drop: string;
}
interface Trace {
  frame: string;
  nodes: {
    node: string;
    from: string;
    error: string;
    steps: Step[];
    outputs: { port: string; chassis: string; frame: string }[];
  }[];
}

let lab: Lab;

test.before(async () => {
  lab = await network({ portSecurity: true });
  // Machines that say nothing by themselves.
  for (const machine of lab.machines.values())
    await machine.netns.sysctl({ 'net.ipv6.conf.all.disable_ipv6': 1 });
  await lab.nbctl(
    '--wait=hv',
    'lsp-add',
    'sw0',
    'inner',
    'vm1',
    '5',
    '--',
    'lsp-set-addresses',
    'inner',
    `${mac(9)} ${ip4(9)}`,
  );
});
test.after.always(() => lab?.destroy());

const trace = (port: string, expression: string) => lab.coordinator.json<Trace>('trace', port, expression);

/** "hv1 switch: → encap" of every step, over all hypervisors. */
const steps = (result: Trace) =>
  result.nodes.flatMap(({ node, steps: all }) =>
    all.map(({ program, verdict }) => `${node} ${program.replace('iov_', '')}: ${verdict}`),
  );

/** Where it came out: port and hypervisor. */
const reached = (result: Trace) =>
  result.nodes.flatMap(({ node, outputs }) =>
    outputs.flatMap(({ port }) => (port ? [`${port} on ${node}`] : [])),
  );

/** What packets leave behind. */
async function counters(): Promise<unknown> {
  const ports = await lab.coordinator.json<{ name: string; local?: Record<string, unknown> }[]>('ports');
  const drops = await lab.coordinator.json('drops');
  const tunnels = await lab.coordinator.json<{ node: string; tunnel: Record<string, unknown> }[]>('tunnels');
  // Counted by the kernel in its own ticks, it comes out a millisecond more or less.
  const undated = tunnels.map(({ node, tunnel }) => ({ node, tunnel: { ...tunnel, lastSeen: '' } }));
  // TCX takes over from clsact whenever it is ready.
  const unhooked = ports.map(({ name, local }) => ({ name, local: { ...local, hook: '' } }));
  return { ports: unhooked, drops, tunnels: undated };
}

test.serial('one packet is followed, and nothing is sent or counted', async (t) => {
  const before = await counters();

  const local = await trace('vm1', `ip4.dst == ${ip4(2)}`);
  t.deepEqual(steps(local), [
    'hv1 entry: → portsec_in',
    'hv1 portsec_in: → switch',
    'hv1 switch: → portsec_out',
    'hv1 portsec_out: deliver to vm2 (tap2)',
  ]);
  t.is(local.nodes[0]!.outputs[0]!.frame, local.frame, 'it comes out as it went in');

  const far = await trace('vm1', `eth.dst == ${mac(3)} && ip4.dst == ${ip4(3)} && tcp.dst == 80`);
  t.deepEqual(steps(far).slice(2), [
    'hv1 switch: → encap',
    'hv1 encap: into the tunnel to hv2 (vxlan 172.31.0.1 > 172.31.0.2)',
    'hv2 uplink: → portsec_out',
    'hv2 portsec_out: deliver to vm3 (tap3)',
  ]);
  t.is(far.nodes[1]!.from, 'hv1');
  t.is(far.nodes[1]!.outputs[0]!.frame, far.frame);

  const broadcast = await trace(
    'vm1',
    'eth.bcast && udp.dst == 67 && udp.src == 68 && ip4.src == 0.0.0.0 && ip4.dst == 255.255.255.255',
  );
  t.deepEqual(reached(broadcast).sort(), ['inner on hv1', 'vm2 on hv1', 'vm3 on hv2']);
  t.is(broadcast.nodes[1]!.outputs[0]!.frame, broadcast.frame);

  const spoofed = await trace('vm1', `ip4.src == 10.0.0.77 && ip4.dst == ${ip4(2)}`);
  t.deepEqual(reached(spoofed), []);
  t.is(spoofed.nodes[0]!.steps.at(-1)!.drop, 'portsec_in_ip4');

  const asked = await trace('vm1', `arp.tpa == ${ip4(3)}`);
  t.is(steps(asked).at(-1), 'hv1 arp_reply: deliver to vm1 (tap1)');
  t.regex(asked.nodes[0]!.outputs[0]!.frame, new RegExp(`^${mac(1)}${mac(3)}0806`.replaceAll(':', '')));
  const solicited = await trace('vm1', `nd_ns && nd.target == ${ip6(3)}`);
  t.regex(
    steps(solicited).at(-1)!,
    /^hv1 nd_reply: deliver to vm1 \(tap1\)$|^hv1 nd.*: deliver to vm1 \(tap1\)$/,
  );

  t.regex(
    steps(await trace('vm1', `eth.dst == 02:00:00:00:00:77 && ip4.dst == 10.0.0.77`)).at(-1)!,
    /drop unknown_destination/,
  );
  const jumbo = await lab.coordinator.iovctl(
    'trace',
    'vm1',
    `ip4.dst == ${ip4(3)}`,
    '--size',
    '3000',
    '--minimal',
  );
  t.regex(jumbo, /^drop tunnel_mtu: .* on hv1$/m);

  t.deepEqual(await counters(), before, 'no counter moved');
});

test.serial('a container behind a machine sends with its tag, and gets it', async (t) => {
  await lab.portsUp('inner');
  const out = await trace('inner', `ip4.dst == ${ip4(2)}`);
  t.deepEqual(reached(out), ['vm2 on hv1']);
  t.is(out.nodes[0]!.outputs[0]!.frame, out.frame, 'without the tag');
  const back = await trace('vm2', `ip4.dst == ${ip4(9)}`);
  t.deepEqual(reached(back), ['inner on hv1']);
  t.is(back.nodes[0]!.outputs[0]!.frame, `${back.frame.slice(0, 24)}81000005${back.frame.slice(24)}`);
  const all = await trace('vm3', 'eth.bcast && eth.type == 0x88b5 && eth.src == 02:00:00:00:00:03');
  t.false(reached(all).includes('vm3 on hv2'), 'port security drops what is no IP');
});

test.serial('text for people', async (t) => {
  const text = await lab.coordinator.iovctl('trace', 'vm1', `ip4.dst == ${ip4(3)}`);
  t.is(
    text.split('\n')[0],
    `# ${mac(1)} > ${mac(3)}, IPv4 ${ip4(1)} > ${ip4(3)}, ICMP echo request, ttl 64, 74 bytes`,
  );
  t.regex(text, /^hv2, from the tunnel of hv1:$/m);
  t.regex(text, /^output to "vm3" on hv2$/m);
  const port = await lab.coordinator.iovctl('port', 'vm1');
  t.regex(port, /^Device +tap1, ifindex \d+, (tcx|clsact)$/m);
  t.regex(port, /^IOModules +entry:\d+ → portsec:\d+ → switch:\d+$/m);
  t.regex(port, /^State +forwarding$/m);
  t.regex(port, /^Problems +none$/m);
});

test.serial('drops of a port with the last packet', async (t) => {
  const vm = lab.vm('vm2');
  await vm.netns.exec('ip', 'addr', 'add', '10.0.0.66/24', 'dev', 'eth0');
  await vm.netns.exec('ping', '-c', '1', '-W', '1', '-I', '10.0.0.66', ip4(1)).catch(() => '');
  const text = await until('the drop is shown', async () => {
    const shown = await lab.coordinator.iovctl('port', 'vm2');
    return shown.includes('portsec_in_arp') && shown;
  });
  t.regex(text, /^ {2}\d+ × portsec_in_arp: Port security does not allow/m);
  t.regex(
    text,
    new RegExp(
      `^ {6}last 20\\S+Z: ${mac(2)} > ff:ff:ff:ff:ff:ff, ARP of 10\\.0\\.0\\.66 for 10\\.0\\.0\\.1`,
      'm',
    ),
  );
});

test.serial('what is not there is said', async (t) => {
  await lab.nbctl('--wait=hv', 'lsp-add', 'sw0', 'lonely');
  const failed = async (...args: string[]) => {
    const error = await t.throwsAsync(lab.coordinator.iovctl(...args), { instanceOf: CommandError });
    return error!.message;
  };
  t.regex(
    await failed('trace', 'lonely', 'eth.dst==02:00:00:00:00:01 && eth.src==02:00:00:00:00:09'),
    /lonely is bound to no hypervisor/,
  );
  t.regex(await failed('port', 'nobody'), /there is no logical switch port "nobody"/);
  await lab.hv(2).stopAgent('SIGKILL');
  const gone = await until('the session is gone', async () => {
    const result = await trace('vm1', `ip4.dst == ${ip4(3)}`);
    return result.nodes[1]?.error !== '' && result.nodes[1]?.error;
  });
  t.regex(gone, /the agent of hypervisor hv2 is not connected|does not answer/);
  t.regex(await lab.coordinator.iovctl('port', 'vm3'), /^Missing +the agent of hypervisor hv2/m);
});
