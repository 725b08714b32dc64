/** A network device of this network namespace, as rtnetlink(7) describes it. */
export interface Link {
  readonly ifindex: number;
  readonly name: string;
  /** IFLA_INFO_KIND: `veth`, `tun`, `vxlan`, …; absent for physical devices. */
  readonly kind?: string;
  /** Hardware address, lower case with colons; absent for devices without one. */
  readonly mac?: string;
  /** Octets of the largest packet without link-layer header. */
  readonly mtu: number;
  /** IFF_UP: administratively up. */
  readonly up: boolean;
  /** IFF_LOWER_UP: there is a carrier. */
  readonly lowerUp: boolean;
  /** IFLA_LINK: a veth's peer, a vlan's lower device; counted in the other namespace when `peerInOtherNetns`. */
  readonly peerIfindex?: number;
  /** IFLA_LINK_NETNSID is present: `peerIfindex` belongs to another network namespace. */
  readonly peerInOtherNetns: boolean;
  /** Ifindex of the bridge, bond or VRF that the device is enslaved to. */
  readonly master?: number;
}

/** What happened to a device. A device that comes back under its old name has a new ifindex and is `new`. */
export interface LinkEvent {
  readonly kind: 'new' | 'changed' | 'removed';
  /** The device now; for `removed` as it was last. */
  readonly link: Link;
  /** The device before, for `changed`. */
  readonly old?: Link;
}
