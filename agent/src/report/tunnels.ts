import type { TunnelReport, TunnelWay } from '@iovisor-ovn/proto';
import { formatMac } from '../datapath/compile/ip.js';
import { isResolved, type TunnelPath, usableWays } from '../datapath/compile/tunnelFacts.js';
import type { HeldTunnel } from '../datapath/compiler/chassisTunnels.js';
import type { Datapath } from '../datapath/index.js';

/** Ways to other chassis, one an address. */
export function tunnelReports(datapath: Datapath): TunnelReport[] {
  return [...datapath.compiler.tunnels].flatMap(([chassis, tunnels]) =>
    tunnels.map((held) => tunnelReport(datapath, chassis, held)),
  );
}

function tunnelReport(datapath: Datapath, chassis: string, { tunnel, number }: HeldTunnel): TunnelReport {
  const counters = datapath.counters.ofTunnel(number);
  const path = datapath.pathOf(tunnel);
  return {
    chassis,
    encap: tunnel.encap,
    localIp: tunnel.localIp,
    remoteIp: tunnel.remoteIp,
    resolved: datapath.isResolved(number),
    txPackets: counters.tx_packets,
    txBytes: counters.tx_bytes,
    rxPackets: counters.rx_packets,
    rxBytes: counters.rx_bytes,
    state: stateOf(path, datapath.isResolved(number)),
    mtu: path?.mtu ?? 0,
    csum: tunnel.csum,
    txDrops: counters.tx_drops,
    rxDrops: counters.rx_drops,
    lastSeen: counters.last_rx === 0n ? '' : wallClock(counters.last_rx),
    ways: (path === undefined ? [] : usableWays(path)).map(
      ({ ifindex, gateway, nextHopMac }): TunnelWay => ({
        device: datapath.deviceName(ifindex),
        gateway: gateway ?? '',
        mac: nextHopMac === undefined ? '' : formatMac(nextHopMac),
      }),
    ),
  };
}

/** What the kernel has of the tunnel counts: an entry that was refused forwards nothing. */
function stateOf(path: TunnelPath | undefined, resolved: boolean): string {
  if (path === undefined) return 'no route';
  return resolved && usableWays(path).every(isResolved) ? 'resolved' : 'no next hop';
}

/** CLOCK_MONOTONIC, ns, as RFC 3339. */
function wallClock(monotonic: bigint): string {
  const ago = Number(process.hrtime.bigint() - monotonic) / 1e6;
  return new Date(Date.now() - Math.max(0, ago)).toISOString();
}
