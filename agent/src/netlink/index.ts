/** Devices, addresses, routes and neighbours from the kernel, by AF_NETLINK events. */
export type { Address } from './address.js';
export type { BridgeVlan, BridgeVlans } from './bridgeVlans.js';
export type { DriverFacts } from './ethtool.js';
export type { Link, LinkEvent } from './link.js';
export type { LinkWriter, NewDevice } from './linkWriter.js';
export type { Log } from './log.js';
export type { Neighbour, NeighbourEvent, NeighbourState } from './neighbour.js';
export { Netlink, type NetlinkEvents, type NetlinkOptions } from './netlink.js';
export { NetlinkError } from './netlinkError.js';
export type { Route, RouteOptions } from './route.js';
export type { CounterName, LinkCounters } from './statistics.js';
