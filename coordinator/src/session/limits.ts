/**
 * What one hypervisor may cost. Far above what an agent needs, and low enough that one whose agent is not ours any more takes
 * neither the coordinator's memory nor its time from the others.
 */
export const limits = {
  /** Interfaces with an iface-id; what is more is not looked at, and a problem says so. */
  interfaces: 10_000,
  /** Below this it is asked to state them anew, if some were not looked at. */
  interfacesAgain: 9_000,
  /** Of a Hello, which states every resource that an agent holds: some 300,000. */
  helloBytes: 16 << 20,
  /** Of any other message. */
  messageBytes: 1 << 20,
  /** Of a name, address or version. */
  nameLength: 255,
  encaps: 32,
  transportZones: 256,
  otherConfigKeys: 256,
  /** Keys and values together, characters. */
  otherConfigLength: 64 << 10,
  /** Of what an agent says about a resource it refuses. */
  refusalLength: 1000,
  /** Until the Hello of a new stream, ms. */
  helloMs: 10_000,
} as const;
