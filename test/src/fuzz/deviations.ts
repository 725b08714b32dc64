/**
 * Where we differ from the oracle on purpose. Everything else that differs is a bug, of ours or of the fuzzer. Each entry
 * is asked for by name where it applies (oracle.ts, portSecurity.ts), and how often it decided is printed after a run.
 */
export const deviations = {
  lyingIpHeader: {
    what: 'an IP header of a wrong version or longer than the frame: dropped; Open vSwitch forwards by MAC',
    reference: 'iomodules/include/iov/parse.h, "what is malformed"',
  },
  garbageOnly: {
    what: 'port security without one valid element: nothing passes; stock takes it for none',
    reference: 'conformance/cases/lists.ts, port "bad"',
  },
  ndIsChecked: {
    what: 'neighbour discovery is checked as ovn-nb(5) says; stock looks at hop limit 225, so that a spoofed NS passes and a true NA does not',
    reference: 'iomodules/portsec/README.md, "where manual and code differ"',
  },
  unreadableNd: {
    what: 'an NS or NA that is cut, has a code or repeats its option does not pass port security: nobody can say what it says',
    reference: 'iomodules/portsec/README.md, "sender"',
  },
  vrrp: {
    what: 'VRRPv3 elements of port security are those of OVN main; 23.03 takes them for garbage',
    reference: 'iomodules/portsec/README.md, "VRRPv3 elements"',
  },
  answerToProbe: {
    what: 'an NS from :: for an address of another port is answered to all nodes without the S flag; stock answers to ::',
    reference: 'RFC 4861 7.2.4',
  },
} as const;

export type Deviation = keyof typeof deviations;
