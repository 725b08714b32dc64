import type { Narrator, Seen } from '../../demo/narrator.js';
import type { Lab, Netns } from '../../lab/index.js';
import type { NeutronApi, Resource } from '../neutronApi.js';

/** A cloud of two hypervisors with a Neutron. */
export interface Site {
  readonly lab: Lab;
  /** Namespace of the physical network. */
  readonly wire: Netns;
  readonly api: NeutronApi;
  readonly narrator: Narrator;
}

export const seen = (ok: boolean, text: string): Seen => ({ ok, seen: text });

/** A network with an IPv4 subnet without gateway. */
export async function networkWithSubnet(
  { api }: Site,
  name: string,
  cidr: string,
  o: { network?: Record<string, unknown>; subnet?: Record<string, unknown> } = {},
): Promise<Resource> {
  const network = await api.create('networks', { name, ...o.network });
  const subnet = { network_id: network.id, ip_version: 4, cidr, gateway_ip: null, enable_dhcp: false };
  await api.create('subnets', { ...subnet, ...o.subnet });
  return network;
}

/** A port as Nova makes it for an instance on `host`, without security groups unless `columns` say otherwise. */
export async function instancePort(
  { api }: Site,
  network: Resource,
  name: string,
  host: string,
  columns: Record<string, unknown> = {},
): Promise<Resource> {
  const port = await api.create('ports', {
    network_id: network.id,
    name,
    port_security_enabled: false,
    'binding:host_id': host,
    device_owner: 'compute:nova',
    device_id: name,
    ...columns,
  });
  if (host !== '' && port['binding:vif_type'] !== 'ovs')
    throw new Error(`port ${name} on ${host}: vif_type ${String(port['binding:vif_type'])}`);
  return port;
}
