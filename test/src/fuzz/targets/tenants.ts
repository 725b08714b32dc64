import { iov_datapath_flag, iov_dest_kind, iov_port_flag, iov_rateCodec } from '@iovisor-ovn/iomodules';
import { Lab, type LabPort, number32, type Outer, vethPair } from '@iovisor-ovn/iomodules/testing';

const { IOV_DEST_LOCAL, IOV_DEST_REMOTE, IOV_DEST_UNBOUND } = iov_dest_kind;

/** Of one logical switch: A attacks, B has what A must not see. */
export interface Tenant {
  datapath: number;
  /** SB Datapath_Binding.tunnel_key. */
  key: number;
  ports: LabPort[];
  macs: string[];
  ip4: string[];
  ip6: string[];
}

export const HERE = '192.0.2.1';
export const THERE = '192.0.2.2';
const GROUPS = {
  flood: 0x8000,
  unknown: 0x8001,
  joined: 0x8002,
  l2: 0x8004,
  mrouters: 0x8005,
  fixed: 0x8006,
};

/** An address of another chassis's port in the switch. */
export const REMOTE_SLOT = 7;

/** Two tenants on a chassis, with all that a switch can have, and tunnels that both use. */
export class Tenants {
  readonly lab = new Lab();
  readonly a: Tenant;
  readonly b: Tenant;
  readonly outers: Outer[];
  readonly #underlay = vethPair();

  constructor() {
    const macs = { srcMac: '02:00:00:00:01:02', dstMac: '02:00:00:00:01:01' };
    const types = ['geneve', 'vxlan'] as const;
    this.outers = types.map((type) => ({ ...macs, type, src: THERE, dst: HERE, sport: 50_000 }));
    for (const [i, outer] of this.outers.entries())
      this.lab.addTunnel(i + 1, this.#underlay.ifindex, { ...outer, src: HERE, dst: THERE });
    this.a = this.#tenant(1, 0x101, '0a:00:00:00:00', '10.0.0', 'fd00::a');
    // Distinct enough that it is nowhere by chance.
    this.b = this.#tenant(2, 0x2b2, 'ca:4a:59:c3:7e', '10.0.0', 'fd42:ca4a:59c3:7e11:ca4a:59c3:7e11:');
  }

  close(): void {
    this.lab.close();
  }

  #tenant(datapath: number, key: number, mac: string, ip4: string, ip6: string): Tenant {
    const { lab } = this;
    const slots = [1, 2, 3, 4, 5];
    const macs = [...slots, 6, REMOTE_SLOT].map((slot) => `${mac}:0${slot}`);
    const ips4 = macs.map((_, i) => `${ip4}.${i + 1}`);
    const ips6 = macs.map((_, i) => `${ip6}${i + 1}`);
    const snoop = iov_datapath_flag.IOV_DATAPATH_SNOOP;
    const { flood, unknown, joined, l2, mrouters, fixed } = GROUPS;
    const more = { flags: snoop, flood_l2_group: l2, static_group: fixed, mrouter_group: mrouters };
    lab.addSwitch(datapath, { key, flood, unknown, more });
    const { IOV_PORT_LEARN, IOV_PORT_UNKNOWN, IOV_PORT_RATE, IOV_PORT_VIRTUAL_PARENT } = iov_port_flag;
    const kinds = [
      { security: [`${macs[0]} ${ips4[0]} ${ips6[0]}`] },
      { security: [`${macs[1]} ${ips4[1]}`, `${macs[1]} 10.0.9.0/24 ${ips6[1]}`] },
      { set: IOV_PORT_LEARN | IOV_PORT_UNKNOWN | IOV_PORT_VIRTUAL_PARENT },
      { set: IOV_PORT_RATE },
      {},
    ];
    const ports = kinds.map((kind, i) =>
      lab.addPort({ datapath, key: i + 1, addresses: [`${macs[i]} ${ips4[i]} ${ips6[i]}`], ...kind }),
    );
    const rate = iov_rateCodec.encode({ bytes_per_second: 1n << 40n, burst: 1n << 40n });
    lab.maps.iov_rates.update(number32(ports[3]!.number), rate);
    lab.addMac(datapath, macs[5]!, { kind: IOV_DEST_UNBOUND, egress_key: 6 });
    lab.addMac(datapath, macs[6]!, { kind: IOV_DEST_REMOTE, egress_key: 7, index: datapath });
    lab.addNeighbour(datapath, ips4[6]!, macs[6]!, 7);
    lab.addNeighbour(datapath, ips6[6]!, macs[6]!, 7);
    const numbers = ports.map(({ number }) => number);
    for (const group of [flood, l2]) lab.addGroup(datapath, group, { local: numbers, remote: [1, 2] });
    lab.addGroup(datapath, unknown, { local: numbers.slice(2, 3), remote: [1] });
    lab.addGroup(datapath, joined, { local: numbers.slice(0, 2), remote: [2] });
    lab.addGroup(datapath, mrouters, { local: numbers.slice(1, 2) });
    lab.addGroup(datapath, fixed, { local: numbers.slice(0, 1) });
    for (const ip of ['239.1.1.1', 'ff0e::1']) lab.addJoined(datapath, ip, joined);
    for (const { number, key: egress_key } of ports)
      lab.addTunnelDest(key, egress_key, { kind: IOV_DEST_LOCAL, index: number, egress_key });
    return { datapath, key, ports, macs, ip4: ips4, ip6: ips6 };
  }
}
