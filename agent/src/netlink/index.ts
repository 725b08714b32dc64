/** Devices, addresses, routes and neighbours from the kernel, by AF_NETLINK events. */
export type { Address } from './address.js';
export type { Link, LinkEvent } from './link.js';
export type { Log } from './log.js';
export type { Neighbour, NeighbourEvent, NeighbourState } from './neighbour.js';
export { Netlink } from './netlink.js';
export type { Route, RouteOptions } from './route.js';
