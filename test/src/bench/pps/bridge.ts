import type { Netns } from '../../lab/index.js';

/** Makes the Linux bridge br0 at its best: no netfilter on its path, nothing to learn, no snooping. */
export async function makeBridge(netns: Netns): Promise<void> {
  await netns.ip('link add br0 type bridge mcast_snooping 0', 'link set br0 up');
  await withoutBridgeNetfilter(netns);
}

export async function withoutBridgeNetfilter(netns: Netns): Promise<void> {
  const families = ['iptables', 'ip6tables', 'arptables'];
  await netns.sysctl(
    Object.fromEntries(families.map((family) => [`net.bridge.bridge-nf-call-${family}`, 0])),
  );
}

/** Makes `device` a bridge port behind which `mac` is known to be. */
export async function bridgePort(netns: Netns, device: string, mac: string): Promise<void> {
  await netns.ip(`link set ${device} master br0`, `link set ${device} type bridge_slave learning off`);
  await netns.exec('bridge', 'fdb', 'add', mac, 'dev', device, 'master', 'static');
}
