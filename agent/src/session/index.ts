/** The gRPC Session with the coordinator. */
export { type Address, formatAddress, isLocal, parseAddress, parseAddresses } from './address.js';
export type { LocalInterfaces } from './interfaceState.js';
export { Session, type SessionOptions } from './session.js';
export { DEFAULT_TIMING, type Timing } from './stream.js';
