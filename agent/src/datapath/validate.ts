import type {
  LearnedMac,
  LogicalAddress,
  LogicalPort,
  LogicalSwitch,
  MulticastGroup,
  MulticastQuerier,
  RemoteChassis,
  Resource,
} from '@iovisor-ovn/proto';
import { ResourceType } from '@iovisor-ovn/proto';
import { Refused } from './refused.js';

export function resourceType(resource: Resource): ResourceType {
  switch (resource.body?.$case) {
    case 'logicalSwitch':
      return ResourceType.LOGICAL_SWITCH;
    case 'logicalPort':
      return ResourceType.LOGICAL_PORT;
    case 'remoteChassis':
      return ResourceType.REMOTE_CHASSIS;
    case 'learnedMac':
      return ResourceType.LEARNED_MAC;
    case undefined:
      return ResourceType.RESOURCE_TYPE_UNSPECIFIED;
  }
}

/** What a coordinator must not have sent. @throws Refused naming the field */
export function validate(resource: Resource): void {
  if (resource.id === '') throw new Refused('the resource has no id');
  switch (resource.body?.$case) {
    case 'logicalSwitch':
      validateSwitch(resource.body.value);
      break;
    case 'logicalPort':
      validatePort(resource.body.value);
      break;
    case 'remoteChassis':
      validateChassis(resource.body.value);
      break;
    case 'learnedMac':
      validateLearnedMac(resource.body.value);
      break;
    case undefined:
      throw new Refused(
        'the resource is of a type this agent does not know: it is older than the coordinator',
      );
  }
}

function validateSwitch({ tunnelKey, groups, querier }: LogicalSwitch): void {
  inRange('tunnel_key', tunnelKey, 1, 0xffffff);
  if (querier !== undefined) validateQuerier(querier);
  groups.forEach(validateGroup);
}

function validateGroup({ name, tunnelKey, address }: MulticastGroup): void {
  inRange(`tunnel_key of group ${name}`, tunnelKey, 0x8000, 0xffff);
  if (![0, 4, 16].includes(address.length)) {
    throw new Refused(`address of group ${name}: an IP address has 4 or 16 bytes, not ${address.length}`);
  }
}

function validateQuerier({ interval, maxResponse, ethSrc, ip4Src, ip6Src }: MulticastQuerier): void {
  inRange('interval of querier', interval, 1, 3600);
  inRange('max_response of querier', maxResponse, 0, 3600);
  const fits = ethSrc.length === 6 && [0, 4].includes(ip4Src.length) && [0, 16].includes(ip6Src.length);
  if (!fits) throw new Refused('querier: a MAC has 6 bytes, an IPv4 address 4 and an IPv6 address 16');
}

function validatePort(port: LogicalPort): void {
  inRange('tunnel_key', port.tunnelKey, 1, 0x7fff);
  for (const address of port.addresses) validateAddress('addresses', address);
  if (port.addresses.some(({ vrrp }) => vrrp.length > 0))
    throw new Refused('addresses: VRRPv3 is for port_security');
  for (const address of port.portSecurity) validateAddress('port_security', address);
  inRange('tag', port.tag, 0, 4095);
  if (![0, 0x8100, 0x88a8].includes(port.tagEthertype)) {
    throw new Refused(`tag_ethertype is 0x${port.tagEthertype.toString(16)}, neither 0x8100 nor 0x88a8`);
  }
  if (port.parent !== '' && port.tag === 0) throw new Refused('tag: a port behind a parent needs one');
  for (const { ip } of port.virtualAddresses) {
    if (ip.length !== 4 && ip.length !== 16) {
      throw new Refused(`virtual_addresses: an IP address has 4 or 16 bytes, not ${ip.length}`);
    }
  }
}

function validateAddress(field: string, { mac, ips, vrrp }: LogicalAddress): void {
  if (mac.length !== 6) throw new Refused(`${field}: a MAC has 6 bytes, not ${mac.length}`);
  for (const virtual of vrrp) {
    const start = Buffer.from(virtual.mac).toString('hex', 0, 5);
    if (virtual.mac.length !== 6 || (start !== '00005e0001' && start !== '00005e0002')) {
      throw new Refused(
        `${field}: ${Buffer.from(virtual.mac).toString('hex')} is no MAC of a virtual router`,
      );
    }
    inRange(`${field}: prefix length of a virtual router's MAC`, virtual.prefixLength, 40, 48);
  }
  for (const { address, prefixLength } of ips) {
    if (address.length !== 4 && address.length !== 16) {
      throw new Refused(`${field}: an IP address has 4 or 16 bytes, not ${address.length}`);
    }
    inRange(`${field}: prefix length`, prefixLength, 0, address.length * 8);
  }
}

function validateChassis({ encaps }: RemoteChassis): void {
  for (const { ip } of encaps) if (ip === '') throw new Refused('encaps: an encap has no ip');
}

function validateLearnedMac({ mac, portKey }: LearnedMac): void {
  if (mac.length !== 6) throw new Refused(`mac: a MAC has 6 bytes, not ${mac.length}`);
  if ((mac[0]! & 1) === 1 || mac.every((byte) => byte === 0)) {
    throw new Refused('mac: nobody has a multicast address or one of zeroes');
  }
  inRange('port_key', portKey, 1, 0x7fff);
}

function inRange(field: string, value: number, low: number, high: number): void {
  if (value < low || value > high) throw new Refused(`${field} is ${value}, not within ${low}..${high}`);
}
