import { Lab, type LabOptions, Netns, PhysicalNetwork, PingSeries } from '../../lab/index.js';
import { addVlan } from '../../lab/vlans.js';
import { ethernet, macBytes } from './frames.js';
import { ip4, mac, port, spec } from './network.js';

/** Two hypervisors with a port of every kind that a logical switch has, and a physical network with hosts on it. */
export interface EveryKind {
  lab: Lab;
  physical: PhysicalNetwork;
  /** The machines behind vm4, by VLAN tag 5 and 6. */
  kids: readonly [Netns, Netns];
  /** Hosts of the physical network: without a tag, behind VLAN 10, behind VLAN 20. */
  hosts: { flat: Netns; tagged: Netns; gateway: Netns };
  /** A device that ovs-vsctl made: type internal. */
  internal: Netns;
}

/** Address that vm1 has claimed, of the port of type virtual. */
export const virtualIp = ip4(100);

/**
 * vm1 has claimed `virtualIp`; vm2 is a port where MACs are learned; vm3 is at the other hypervisor; vm4 has kids 5 and 6;
 * vm7, vm8 and vm9 are in switches with a tagged localnet, a flat localnet and an l2gateway port; vm11 has a rate; vm12 is
 * an internal port; vm13 is on both hypervisors, waits for its RARP at hv2 and runs at hv1; vm14 is a localport.
 */
export async function everyKind(o: LabOptions = {}): Promise<EveryKind> {
  const lab = await Lab.create(o);
  try {
    return await build(lab);
  } catch (error) {
    await lab.destroy();
    throw error;
  }
}

async function build(lab: Lab): Promise<EveryKind> {
  const [hv1, hv2] = [lab.hv(1), lab.hv(2)];
  const physical = await PhysicalNetwork.create(lab.name, 'phys', lab.registry);
  for (const hypervisor of [hv1, hv2]) await physical.attach(hypervisor);
  const set = (name: string, ...columns: string[]) => ['--', 'set', 'Logical_Switch_Port', name, ...columns];
  const wire = (network: string, name: string, type: string, options: string, ...columns: string[]) => [
    ...['--', 'lsp-add', network, name, '--', 'lsp-set-addresses', name, 'unknown'],
    ...set(name, `type=${type}`, 'options:network_name=phys', ...(options ? [options] : []), ...columns),
  ];
  const networks = ['sw0', 'tagged', 'flat', 'gateway'].flatMap((name) => ['--', 'ls-add', name]);
  await lab.nbctl(
    ...networks.slice(1),
    ...[1, 2, 3, 4, 5, 6, 11, 12, 13, 14].flatMap((n) => port('sw0', n)),
    ...set('vm2', 'addresses=unknown'),
    ...set('vm5', 'parent_name=vm4', 'tag_request=5'),
    ...set('vm6', 'parent_name=vm4', 'tag_request=6'),
    ...set('vm11', 'options:qos_max_rate=100000000'),
    ...set('vm13', 'options:requested-chassis="hv1,hv2"', 'options:activation-strategy=rarp'),
    ...set('vm14', 'type=localport'),
    ...['--', 'lsp-add', 'sw0', 'vip'],
    ...set('vip', 'type=virtual', `options:virtual-ip=${virtualIp}`, 'options:virtual-parents="vm1,vm3"'),
    ...port('tagged', 7),
    ...wire('tagged', 'ln-tagged', 'localnet', '', 'tag=10'),
    ...port('flat', 8),
    ...wire('flat', 'ln-flat', 'localnet', ''),
    ...port('gateway', 9),
    ...wire('gateway', 'gw', 'l2gateway', 'options:l2gateway-chassis=hv1', 'tag=20'),
  );
  for (const n of [1, 2, 4, 7, 8, 9, 11, 13, 14]) await lab.addMachine(hv1, spec(n));
  await lab.addMachine(hv2, spec(3));
  // Where it migrates to.
  await hv2.netns.ip('link add tap13 type veth peer name peer13', 'link set tap13 up', 'link set peer13 up');
  await hv2.plug('tap13', 'vm13');
  const kids = [await behind(lab, 'vm5', 5), await behind(lab, 'vm6', 6)] as const;
  const internal = await internalPort(lab);
  const hosts = await physicalHosts(lab, physical);
  await lab.portsUp('vm1', 'vm2', 'vm3', 'vm5', 'vm6', 'vm7', 'vm8', 'vm9', 'vm11', 'vm12', 'vm13');
  await lab.sync();
  const vm1 = lab.vm('vm1');
  await vm1.netns.ip(`addr add ${virtualIp}/24 dev eth0`);
  await vm1.sendFrame(gratuitousArp(vm1.mac, virtualIp));
  await lab.central.sbctl('--timeout=10', 'wait-until', 'Port_Binding', 'vip', 'virtual_parent=vm1');
  await lab.sync();
  return { lab, physical, kids, hosts, internal };
}

/** Pings every 10 ms in each direction between every kind of port; what is lost of each while `work` runs and a moment after. */
export async function lostDuring(
  kinds: EveryKind,
  work: () => Promise<unknown>,
): Promise<Record<string, number>> {
  const { lab, kids, hosts, internal } = kinds;
  const at = (n: number) => lab.vm(`vm${n}`).netns;
  const ways: [string, Netns, string][] = [
    ['inside', at(1), ip4(2)],
    ['across', at(1), ip4(3)],
    ['back', at(3), ip4(1)],
    ['of a kid', kids[0], ip4(3)],
    ['to a kid', at(3), ip4(6)],
    ['between kids', kids[0], ip4(6)],
    ['to the parent', at(3), ip4(4)],
    ['to the virtual address', at(3), virtualIp],
    ['to the learning port', at(3), ip4(2)],
    ['of the rated port', at(11), ip4(3)],
    ['to the internal port', at(3), ip4(12)],
    ['of the internal port', internal, ip4(3)],
    ['of the migrating port', at(13), ip4(3)],
    ['to the migrating port', at(3), ip4(13)],
    ['of the localport', at(14), ip4(1)],
    ['tagged localnet', at(7), ip4(207)],
    ['from tagged localnet', hosts.tagged, ip4(7)],
    ['flat localnet', at(8), ip4(208)],
    ['from flat localnet', hosts.flat, ip4(8)],
    ['l2gateway', at(9), ip4(209)],
    ['from l2gateway', hosts.gateway, ip4(9)],
  ];
  const series = await Promise.all(
    ways.map(async ([name, from, to]) => {
      try {
        return [name, await PingSeries.start(from, to)] as const;
      } catch (error) {
        throw new Error(`${name}: ${(error as Error).message}`);
      }
    }),
  );
  await work();
  await Promise.all(series.map(([, one]) => one.answers(20)));
  const all = await Promise.all(series.map(async ([name, one]) => [name, (await one.stop()).lost] as const));
  return Object.fromEntries(all.filter(([, lost]) => lost > 0));
}

/** "Who has ip? Tell ip": who sends it says that the address is here now. */
export function gratuitousArp(sender: string, ip: string): Buffer {
  const [mac, address] = [macBytes(sender), Buffer.from(ip.split('.').map(Number))];
  const request = Buffer.from('0001080006040001', 'hex');
  return ethernet(
    'ff:ff:ff:ff:ff:ff',
    sender,
    0x0806,
    Buffer.concat([request, mac, address, Buffer.alloc(6), address]),
  );
}

/** What a hypervisor sends for a machine that has arrived by migration. */
export function rarp(sender: string): Buffer {
  const [mac, none] = [macBytes(sender), Buffer.alloc(4)];
  const request = Buffer.from('0001080006040003', 'hex');
  return ethernet('ff:ff:ff:ff:ff:ff', sender, 0x8035, Buffer.concat([request, mac, none, mac, none]));
}

/** A namespace of its own behind the trunk vm4. */
async function behind(lab: Lab, name: string, tag: number): Promise<Netns> {
  const netns = await quiet(lab, name);
  await addVlan(lab.vm('vm4').netns, tag, netns, lab.registry.dir);
  const n = Number(name.slice(2));
  await netns.ip(`link set eth0 address ${mac(n)}`, 'link set eth0 up', `addr add ${ip4(n)}/24 dev eth0`);
  return netns;
}

async function internalPort(lab: Lab): Promise<Netns> {
  const hv1 = lab.hv(1);
  const set = ['set', 'Interface', 'int12', 'type=internal', 'external_ids:iface-id=vm12'];
  await hv1.vsctl('add-port', 'br-int', 'int12', '--', ...set);
  const netns = await quiet(lab, 'vm12');
  await hv1.netns.ip(`link set int12 netns ${netns.name}`);
  await netns.ip(
    `link set int12 address ${mac(12)}`,
    'link set int12 up',
    `addr add ${ip4(12)}/24 dev int12`,
  );
  return netns;
}

async function physicalHosts(lab: Lab, physical: PhysicalNetwork): Promise<EveryKind['hosts']> {
  const host = async (name: string, n: number, tag?: number) => {
    const netns = await quiet(lab, name);
    const trunk = tag === undefined ? netns : await quiet(lab, `${name}-trunk`);
    await physical.connect(trunk, 'eth0', name);
    if (tag !== undefined) await addVlan(trunk, tag, netns, lab.registry.dir);
    await netns.ip('link set eth0 up', `addr add ${ip4(n)}/24 dev eth0`);
    return netns;
  };
  return {
    flat: await host('flat', 208),
    tagged: await host('tagged', 207, 10),
    gateway: await host('gateway', 209, 20),
  };
}

async function quiet(lab: Lab, name: string): Promise<Netns> {
  const netns = await Netns.create(`${lab.name}-${name}`, lab.registry);
  await netns.sysctl({ 'net.ipv6.conf.all.disable_ipv6': 1, 'net.ipv6.conf.default.disable_ipv6': 1 });
  return netns;
}
