import { command } from './command.mjs';
import { PingSeries } from './ping.mjs';

/** A virtual machine on one of the machines: a namespace there, whose device's other end is a tap. */
export class Vm {
  constructor(machine, name, number) {
    this.machine = machine;
    this.name = name;
    this.tap = `tap${number}`;
    this.mac = `02:00:00:00:00:0${number}`;
    this.address = `10.77.0.${number}`;
  }

  /** Makes it and plugs it, as Nova and libvirt do. */
  async plug() {
    const { name, tap, mac, address, machine } = this;
    await machine.sh(`ip netns add ${name}
      ip link add ${tap} type veth peer name eth0 address ${mac} netns ${name}
      ip link set ${tap} up
      ip -n ${name} address add ${address}/24 dev eth0
      ip -n ${name} link set lo up
      ip -n ${name} link set eth0 up
      ip netns exec ${name} ethtool -K eth0 tx off >/dev/null
      ovs-vsctl --no-wait add-port br-int ${tap} -- set Interface ${tap} external_ids:iface-id=${name}`);
  }

  async unplug() {
    await this.machine.sh(
      `ovs-vsctl --no-wait del-port br-int ${this.tap}; ip link delete ${this.tap}; ip netns delete ${this.name}`,
    );
  }

  get prefix() {
    return [...this.machine.prefix, 'ip', 'netns', 'exec', this.name];
  }

  /** Whether a single ping gets its answer within a second. */
  reaches(other) {
    return command([...this.prefix, 'ping', '-n', '-c', '1', '-W', '1', other.address]).then(
      () => true,
      () => false,
    );
  }

  ping(other) {
    return new PingSeries(this.prefix, other.address);
  }
}
