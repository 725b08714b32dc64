import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Hypervisor, type HypervisorSpec, hypervisorNetns } from './hypervisor.js';
import { LocalOvsdb } from './local-ovsdb.js';
import { LabProcess } from './process.js';
import type { Registry } from './registry.js';
import { runtimeEnv, Server } from './server.js';
import type { Underlay } from './underlay.js';

/**
 * The same hypervisor with what OVN ships: ovs-vswitchd (userspace datapath, which needs no kernel module) and
 * ovn-controller. What we compare ourselves with, and what proves that the lab itself works.
 */
export class StockHypervisor extends Hypervisor {
  #vswitchd?: Server;
  #controller?: LabProcess;

  static override async create(
    lab: string,
    spec: HypervisorSpec,
    underlay: Underlay,
    registry: Registry,
  ): Promise<StockHypervisor> {
    const dir = join(registry.dir, spec.name);
    mkdirSync(dir);
    const netns = await hypervisorNetns(lab, spec, underlay, registry);
    const ovsdb = await LocalOvsdb.start(dir, registry, spec.outlive);
    return new StockHypervisor(lab, spec, netns, ovsdb, '', registry);
  }

  /** Starts both daemons. `southbound` is SB's remote. */
  async start(southbound: string): Promise<void> {
    this.#vswitchd = this.#vswitchdServer();
    await this.#vswitchd.start();
    await this.#tunnelBridge();
    const own = [`external_ids:ovn-remote=${southbound}`, 'external_ids:ovn-bridge-datapath-type=netdev'];
    await this.vsctl('set', 'Open_vSwitch', '.', ...this.settings(), ...own);
    this.#controller = new LabProcess({
      name: `ovn-controller ${this.name}`,
      // It has no --unixctl: that it made its bridge says that it is up.
      argv: [...this.netns.prefix, 'ovn-controller', this.ovsdb.remote, '-vconsole:warn', '-vsyslog:off'],
      env: runtimeEnv(this.dir),
      logFile: join(this.dir, 'ovn-controller.log'),
      registry: this.registry,
      outlive: this.spec.outlive,
    });
    await this.#controller.during(() => this.vsctl('wait-until', 'Bridge', 'br-int'));
  }

  /** Process ids, for memory measurements. */
  get pids(): number[] {
    return [this.#vswitchd?.pid, this.#controller?.pid].flatMap((pid) => pid ?? []);
  }

  /** The same, by name. */
  get daemons(): Record<string, number | undefined> {
    return { 'ovs-vswitchd': this.#vswitchd?.pid, 'ovn-controller': this.#controller?.pid };
  }

  override async stop(): Promise<void> {
    await this.#controller?.stop('SIGKILL');
    await this.#vswitchd?.stop('SIGKILL');
    await super.stop();
  }

  /** The userspace datapath sends tunnelled packets itself, so the uplink must be a port of one of its bridges. */
  async #tunnelBridge(): Promise<void> {
    const bridge = ['add-br', 'br-phy', '--', 'set', 'Bridge', 'br-phy', 'datapath_type=netdev'];
    await this.vsctl(...bridge, '--', 'add-port', 'br-phy', 'uplink');
    await this.netns.ip(
      'addr flush dev uplink',
      // Only br-phy answers for the address, or the others learn the wrong MAC.
      'link set uplink arp off',
      `addr add ${this.spec.encapIp}/24 dev br-phy`,
      'link set br-phy mtu 1600 up',
    );
    await this.netns.exec('ethtool', '-K', 'uplink', 'tx', 'off');
  }

  #vswitchdServer(): Server {
    const socket = 'ovs-vswitchd.ctl';
    return new Server({
      name: 'ovs-vswitchd',
      argv: [...this.netns.prefix, 'ovs-vswitchd', this.ovsdb.remote, `--unixctl=${join(this.dir, socket)}`],
      dir: this.dir,
      socket,
      registry: this.registry,
      outlive: this.spec.outlive,
    });
  }
}
