import test from 'ava';
import { iov_port_flag as flag, iov_dest_kind as kind } from '../gen/abi.js';
import { Lab, Machine, transfer, type VethPair, vethPair } from '../testing/index.js';

const macOf = (machine: number) => `02:00:00:00:00:0${machine}`;

/** Chassis `own` of two on one physical network: a machine, and a localnet port with a VLAN. */
function build(own: 1 | 2, network: VethPair, proto: number, set: number): { lab: Lab; machine: Machine } {
  const other = 3 - own;
  const lab = new Lab();
  lab.addSwitch(1, { key: 5, flood: 0x8000 });
  const addresses = [`${macOf(own)} 10.0.0.${own} fd00::${own}`];
  const port = lab.addPort({ key: own, addresses, set });
  const localnet = lab.addPort({ vlan: { id: 100, proto, on: network }, set: flag.IOV_PORT_LOCALNET });
  lab.addMac(1, macOf(other), { kind: kind.IOV_DEST_LOCAL, index: localnet.number, egress_key: other });
  lab.addGroup(1, 0x8000, { local: [port.number, localnet.number] });
  lab.attach(port);
  lab.attach(network);
  const machine = new Machine(port.peer, macOf(own), [`10.0.0.${own}/24`, `fd00::${own}/64`]);
  return { lab, machine };
}

for (const [what, proto, set] of [
  ['802.1Q', 0x8100, 0],
  ['802.1Q, redirect_peer', 0x8100, flag.IOV_PORT_PEER],
  ['802.1ad', 0x88a8, 0],
] as const) {
  test.serial(
    `two chassis on a provider network (${what}): ARP, ND, pings, TCP with GSO both ways`,
    async (t) => {
      const left = vethPair();
      const right = {
        name: left.peer,
        ifindex: left.peerIfindex,
        peer: left.name,
        peerIfindex: left.ifindex,
      };
      const [one, two] = [build(1, left, proto, set), build(2, right, proto, set)];
      t.teardown(() => {
        for (const { lab, machine } of [one, two]) {
          machine.close();
          lab.close();
        }
      });
      t.regex(one.machine.run('ping', '-c3', '-i0.05', '-W2', '10.0.0.2'), / 0% packet loss/);
      t.regex(two.machine.run('ping', '-6', '-c3', '-i0.05', '-W2', 'fd00::1'), / 0% packet loss/);
      const bytes = 20_000_000;
      for (const [from, to, host] of [
        [one, two, '10.0.0.2'],
        [two, one, '10.0.0.1'],
        [one, two, 'fd00::2'],
      ] as const) {
        const localnet = { number: 2, key: 2, datapath: 1, ...left };
        const before = from.lab.portCounters(localnet);
        t.is(await transfer(from.machine, to.machine, host, bytes), bytes, `${host} has all of it`);
        const after = from.lab.portCounters(localnet);
        const packets = Number(after.tx_packets - before.tx_packets);
        t.true(Number(after.tx_bytes - before.tx_bytes) / packets > 3000, 'GSO packets stayed whole');
      }
    },
  );
}
