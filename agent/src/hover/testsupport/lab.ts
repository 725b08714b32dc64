import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { type Link, type Log, Netlink } from '../../netlink/index.js';
import { ip } from '../../netlink/testsupport/privateNetns.js';
import { Machine, mountTestBpffs } from '../../testsupport/namespace.js';
import {
  type HoverEngine,
  type HoverEngineOptions,
  type ModuleInstance,
  openHoverEngine,
  type PacketIn,
} from '../engine/index.js';

export const QUIET: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** An engine on the real kernel. One at a time: its device has a fixed name. The process must be in a network namespace of its own. */
export class Lab {
  readonly netlink: Netlink;
  readonly engine: HoverEngine;
  readonly bpffs: string;
  readonly #t: ExecutionContext;
  #machines = 0;

  private constructor(t: ExecutionContext, netlink: Netlink, engine: HoverEngine, bpffs: string) {
    this.#t = t;
    this.netlink = netlink;
    this.engine = engine;
    this.bpffs = bpffs;
  }

  static async open(t: ExecutionContext, options: Partial<HoverEngineOptions> = {}): Promise<Lab> {
    const netlink = Netlink.open(QUIET);
    await netlink.start();
    const mounted = mountTestBpffs();
    const bpffs = join(mounted.path, 'iovisor');
    const engine = await openHoverEngine({ bpffs, netlink, ...options });
    t.teardown(async () => {
      await engine.close();
      netlink.close();
      mounted.unmount();
    });
    // What is sent before the kernel has taken the device up is lost.
    while (!ip('link show iovh0').includes('state UP')) await sleep(2);
    return new Lab(t, netlink, engine, bpffs);
  }

  /** Compiles and loads. */
  async module(number: number, source: string): Promise<ModuleInstance> {
    return this.engine.loadAsync(number, await this.engine.compile(source));
  }

  /** A machine 10.0.0.N with the MAC 0a:00:00:00:00:0N; its tap is here. */
  async machine(): Promise<{ machine: Machine; ifindex: number; address: string }> {
    const n = ++this.#machines;
    const address = `10.0.0.${n}`;
    const machine = new Machine({ mac: `0a:00:00:00:00:0${n}`, address: `${address}/24` });
    this.#t.teardown(() => machine.remove());
    return { machine, address, ifindex: (await this.link(machine.tap)).ifindex };
  }

  async link(name: string): Promise<Link> {
    for (;;) {
      const link = this.netlink.linkByName(name);
      if (link !== undefined) return link;
      await once(this.netlink, 'link');
    }
  }

  /** Links an interface and a port of a module, both ways. */
  attach(ifindex: number, module: number, port: number): void {
    this.engine.setPort(module, port, [{ kind: 'interface', ifindex }]);
    this.engine.setInterface(ifindex, [{ kind: 'module', module, port }]);
  }

  /** Links two ports of modules, both ways. */
  patch(a: { module: number; port: number }, b: { module: number; port: number }): void {
    this.engine.setPort(a.module, a.port, [{ kind: 'module', ...b }]);
    this.engine.setPort(b.module, b.port, [{ kind: 'module', ...a }]);
  }

  /** Puts a packet into a module, and resolves with the next one that the controller gets. */
  async inject(module: number, port: number, data: Buffer): Promise<PacketIn> {
    const next = once(this.engine, 'packetIn');
    this.engine.packetOut({ module, port, sense: 'ingress', data });
    return (await next)[0] as PacketIn;
  }

  /** Resolves when as many packets were dropped for a reason. */
  async dropped(reason: string, count: bigint): Promise<void> {
    while ((this.engine.drops().get(reason) ?? 0n) < count) await sleep(2);
  }
}

/** A module whose handle_rx() tells the controller three words. */
export const telling = (body: string, before = '', reason = '7') => `${before}
static int handle_rx(void *pkt, struct metadata *md) {
  u32 words[3] = {};
  ${body}
  pkt_set_metadata(pkt, words);
  pkt_controller(pkt, md, ${reason});
  return RX_CONTROLLER;
}`;

/** Learns and floods; the table is `macs`. */
export const SWITCH = `
BPF_TABLE("hash", u64, u32, macs, 1024);
static int handle_rx(void *skb, struct metadata *md) {
  u8 *cursor = 0;
  struct ethernet_t *ethernet = cursor_advance(cursor, sizeof(*ethernet));
  u64 src = ethernet->src, dst = ethernet->dst;
  u32 port = md->in_ifc, *out;
  macs.update(&src, &port);
  out = macs.lookup(&dst);
  if (!out) {
    pkt_controller(skb, md, PKT_BROADCAST);
    return RX_CONTROLLER;
  }
  pkt_redirect(skb, md, *out);
  return RX_REDIRECT;
}`;

/** Two ports, one into the other. */
export const PATCH = `
static int handle_rx(void *skb, struct metadata *md) {
  pkt_redirect(skb, md, md->in_ifc == 1 ? 2 : 1);
  return RX_REDIRECT;
}`;

/** UDP from 10.0.0.1:1000 to 10.0.0.2:2000, DF, TTL 64, with 8 bytes of data. */
export function udpPacket(): Buffer {
  return Buffer.from(
    '0a00000000020a00000000010800' +
      '45120024123440004011' +
      '0000' +
      '0a0000010a000002' +
      '03e807d000100000' +
      '6162636465666768',
    'hex',
  );
}
