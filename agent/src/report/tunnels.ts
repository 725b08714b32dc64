import type { TunnelReport } from '@iovisor-ovn/proto';
import { formatIp4 } from '../datapath/compile/ip.js';
import type { Datapath } from '../datapath/index.js';

/** Ways to other chassis. */
export function tunnelReports(datapath: Datapath): TunnelReport[] {
  return [...datapath.compiler.tunnels].map(([chassis, { tunnel, number }]) => {
    const counters = datapath.counters.ofTunnel(number);
    return {
      chassis,
      encap: tunnel.encap,
      localIp: formatIp4(tunnel.localIp),
      remoteIp: formatIp4(tunnel.remoteIp),
      resolved: datapath.isResolved(number),
      txPackets: counters.tx_packets,
      txBytes: counters.tx_bytes,
      rxPackets: counters.rx_packets,
      rxBytes: counters.rx_bytes,
    };
  });
}
