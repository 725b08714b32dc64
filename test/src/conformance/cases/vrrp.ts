import { ether, linkOption, nd } from '@iovisor-ovn/iomodules/testing';
import { host } from '../host.js';
import { answered, type Case, dropped, type Expected, everyone, reaches, type Scenario } from '../table.js';
import { arpFrame, ethertype, udp4, udp6 } from './packets.js';

/*
 * OVN's test "Port security - VRRPv3 ARP/ND" (tests/ovn.at of main): ARP and ND of the physical MAC which name a virtual
 * router's, at ports with different elements. 23.03 takes the elements for garbage, and lets no NA
 * with hop limit 255 pass.
 */
const far = host(0x0b);
const v4 = '00:00:5e:00:01:05';
const v6 = '00:00:5e:00:02:05';
const newer = 'VRRPv3 elements of port security came with a later OVN; 23.03 takes them for garbage';
const later = (test: Case): Case => ({ ...test, differsFromStock: newer });

/** The ports, by what they allow: its own addresses with or without IPs, and a VRRPv3 element. */
const any = host(0x31);
const listed = host(0x32);
const only4 = host(0x33);
const only6 = host(0x34);
const masked = host(0x35);
const different = host(0x36);
const invalid = host(0x37);
const alone = host(0x38);
type Who = typeof any;
const own = ({ mac, ip4, ip6 }: Who) => `${mac} ${ip4} ${ip6}`;

const request = (who: Who, tpa: string, spa = who.ip4) => arpFrame({ src: who.mac, sha: v4, spa, tpa });
const advert = (who: Who, target = who.ip6) =>
  ether(
    { src: who.mac, dst: '33:33:ff:00:00:01', type: ethertype.ip6 },
    nd({ type: 136, src: who.ip6, dst: 'ff02::1:ff00:1', target, options: [linkOption(2, v6)] }),
  );
const from4 = (src: string, from: string) => udp4({ src, dst: far.mac, from, to: far.ip4 });
const from6 = (src: string, from: string) => udp6({ src, dst: far.mac, from, to: far.ip6 });
const test = (name: string, from: string, frame: Buffer, expected: Expected): Case => ({
  name: `${from}: ${name}`,
  from,
  frame,
  expected,
});
const [noArp, noNd] = [dropped('portsec_in_arp'), dropped('portsec_in_nd')];
const [elsewhere, arpNamed, ndNamed] = ['10.9.9.9', 'ARP with a router’s MAC', 'NA with a router’s MAC'];

/** Port security for virtual routers. */
export const vrrp: Scenario = {
  setup: {
    name: 'vr',
    ports: {
      far: { hv: 2, addresses: [`${far.mac} ${far.ip4} ${far.ip6}`] },
      any: { hv: 1, addresses: [any.mac, v4], portSecurity: [any.mac, `VRRPv3 ${any.mac}`] },
      listed: {
        hv: 1,
        addresses: [listed.mac],
        portSecurity: [own(listed), `VRRPv3 ${listed.mac} ${v4} ${v6} ${listed.ip4} ${listed.ip6}`],
      },
      only4: { hv: 1, addresses: [only4.mac], portSecurity: [only4.mac, `VRRPv3 ${only4.mac} ${v4}`] },
      only6: { hv: 1, addresses: [only6.mac], portSecurity: [only6.mac, `VRRPv3 ${only6.mac} ${v6}`] },
      masked: {
        hv: 1,
        addresses: [masked.mac],
        portSecurity: [masked.mac, `VRRPv3 ${masked.mac} 00:00:5e:00:01:00/45 00:00:5e:00:02:00/45`],
      },
      different: {
        hv: 1,
        addresses: [different.mac],
        portSecurity: [different.mac, `VRRPv3 ${different.mac} 00:00:5e:00:01:01 00:00:5e:00:02:01`],
      },
      invalid: {
        hv: 1,
        addresses: [invalid.mac],
        portSecurity: [invalid.mac, `VRRPv3 ${invalid.mac} 00:00:5e:00:01:00`],
      },
      alone: { hv: 1, addresses: [alone.mac], portSecurity: [`VRRPv3 ${alone.mac}`] },
    },
  },
  cases: [
    later(test(arpNamed, 'any', request(any, elsewhere), everyone)),
    later(
      test(
        'the answer is for the router',
        'any',
        request(any, far.ip4),
        answered(arpFrame({ op: 2, sha: far.mac, spa: far.ip4, tha: v4, tpa: any.ip4, dst: any.mac })),
      ),
    ),
    later(test(ndNamed, 'any', advert(any), everyone)),
    later(test('IPv4 of a router', 'any', from4(v4, '1.2.3.4'), reaches('far'))),
    later(test('IPv6 of a router', 'any', from6(v6, '2001:db8::1'), reaches('far'))),
    later(
      test(
        'to a router there',
        'far',
        udp4({ src: far.mac, dst: v4, from: far.ip4, to: '1.2.3.4' }),
        reaches('any'),
      ),
    ),
    later(test(arpNamed, 'listed', request(listed, elsewhere), everyone)),
    test('ARP of another address', 'listed', request(listed, elsewhere, '10.0.0.99'), noArp),
    later(test(ndNamed, 'listed', advert(listed), everyone)),
    test('NA of another address', 'listed', advert(listed, 'fd00::99'), noNd),
    later(test('IPv4 of a router', 'listed', from4(v4, listed.ip4), reaches('far'))),
    later(test(arpNamed, 'only4', request(only4, elsewhere), everyone)),
    test(ndNamed, 'only4', advert(only4), noNd),
    test(arpNamed, 'only6', request(only6, elsewhere), noArp),
    later(test(ndNamed, 'only6', advert(only6), everyone)),
    later(test(arpNamed, 'masked', request(masked, elsewhere), everyone)),
    later(test(ndNamed, 'masked', advert(masked), everyone)),
    test(arpNamed, 'different', request(different, elsewhere), noArp),
    test(arpNamed, 'invalid', request(invalid, elsewhere), noArp),
    test(arpNamed, 'alone', request(alone, elsewhere), everyone),
    later(test(ndNamed, 'alone', advert(alone), dropped('portsec_in_ip6'))),
    later(test('IPv4 of its own', 'alone', from4(alone.mac, alone.ip4), dropped('portsec_in_ip4'))),
  ],
};
