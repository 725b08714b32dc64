// The columns the coordinator reads, as the logic sees them. Northbound and Southbound schemas differ between OVN
// releases: what a release may lack is optional here, and absent means "not set".

/** Map column. */
export type StringMap = ReadonlyMap<string, string>;

export interface NbGlobalRow {
  readonly _uuid: string;
  /** 64 bits: a bigint beyond 2^53. */
  readonly nb_cfg: number | bigint;
  readonly options?: StringMap;
}

export interface LogicalSwitchRow {
  readonly _uuid: string;
  readonly name: string;
  readonly ports: readonly string[];
  readonly acls?: readonly string[];
  readonly qos_rules?: readonly string[];
  readonly load_balancer?: readonly string[];
  readonly load_balancer_group?: readonly string[];
  readonly dns_records?: readonly string[];
  readonly forwarding_groups?: readonly string[];
  readonly copp?: string;
  readonly other_config?: StringMap;
}

export interface LogicalSwitchPortRow {
  readonly _uuid: string;
  readonly name: string;
  readonly type: string;
  readonly options?: StringMap;
  readonly parent_name?: string;
  readonly addresses: readonly string[];
  readonly dynamic_addresses?: string;
  readonly port_security: readonly string[];
  readonly enabled?: boolean;
  readonly dhcpv4_options?: string;
  readonly dhcpv6_options?: string;
  readonly ha_chassis_group?: string;
  readonly mirror_rules?: readonly string[];
}

export interface PortGroupRow {
  readonly _uuid: string;
  readonly name: string;
  readonly ports: readonly string[];
  readonly acls: readonly string[];
}

export interface AclRow {
  readonly _uuid: string;
  readonly action: string;
  readonly priority: number;
}

export interface LogicalRouterRow {
  readonly _uuid: string;
  readonly name: string;
}

export interface SbGlobalRow {
  readonly _uuid: string;
  readonly nb_cfg: number | bigint;
}

export interface ChassisRow {
  readonly _uuid: string;
  readonly name: string;
  readonly hostname: string;
  readonly encaps: readonly string[];
  readonly other_config?: StringMap;
  readonly external_ids?: StringMap;
  readonly transport_zones?: readonly string[];
}

export interface ChassisPrivateRow {
  readonly _uuid: string;
  readonly name: string;
  readonly chassis?: string;
  readonly nb_cfg: number | bigint;
  readonly nb_cfg_timestamp?: number;
}

export interface EncapRow {
  readonly _uuid: string;
  readonly type: string;
  readonly ip: string;
  readonly chassis_name: string;
  readonly options: StringMap;
}

export interface DatapathBindingRow {
  readonly _uuid: string;
  readonly tunnel_key: number;
  readonly external_ids: StringMap;
}

export interface PortBindingRow {
  readonly _uuid: string;
  readonly logical_port: string;
  readonly type: string;
  readonly options: StringMap;
  readonly datapath: string;
  readonly tunnel_key: number;
  readonly parent_port?: string;
  readonly tag?: number;
  readonly virtual_parent?: string;
  readonly ha_chassis_group?: string;
  /** Chassis that northd found for options:requested-chassis: the first one, and the further ones. */
  readonly requested_chassis?: string;
  readonly requested_additional_chassis?: readonly string[];
  readonly chassis?: string;
  readonly additional_chassis?: readonly string[];
  readonly encap?: string;
  readonly additional_encap?: readonly string[];
  readonly up?: boolean;
}

export interface HaChassisGroupRow {
  readonly _uuid: string;
  readonly ha_chassis: readonly string[];
}

export interface HaChassisRow {
  readonly _uuid: string;
  readonly chassis?: string;
  readonly priority: number;
}

/** A MAC learned behind a port. One row per MAC and datapath. */
export interface FdbRow {
  readonly _uuid: string;
  readonly mac: string;
  /** Datapath_Binding.tunnel_key. */
  readonly dp_key: number;
  /** Port_Binding.tunnel_key. */
  readonly port_key: number;
}

export interface MulticastGroupRow {
  readonly _uuid: string;
  readonly datapath: string;
  readonly name: string;
  readonly tunnel_key: number;
  /** Only replicated where they do not follow from the ports. */
  readonly ports?: readonly string[];
}

/** Snooping in one datapath. */
export interface IpMulticastRow {
  readonly _uuid: string;
  readonly datapath: string;
  readonly enabled?: boolean;
  readonly table_size?: number;
  /** Seconds. */
  readonly idle_timeout?: number;
  readonly querier?: boolean;
  /** Seconds. */
  readonly query_interval?: number;
  /** Seconds. */
  readonly query_max_resp?: number;
  readonly eth_src?: string;
  readonly ip4_src?: string;
  readonly ip6_src?: string;
  /** Another than before: what was learned is to be forgotten. */
  readonly seq_no: number;
}

/** Ports of a chassis that joined a multicast address. */
export interface IgmpGroupRow {
  readonly _uuid: string;
  readonly address: string;
  readonly datapath?: string;
  readonly chassis?: string;
  readonly ports: readonly string[];
}

/** Northbound tables the coordinator replicates. */
export interface NorthboundRows {
  NB_Global: NbGlobalRow;
  Logical_Switch: LogicalSwitchRow;
  Logical_Switch_Port: LogicalSwitchPortRow;
  Port_Group: PortGroupRow;
  ACL: AclRow;
  Logical_Router: LogicalRouterRow;
}

/** Southbound tables the coordinator replicates. Never Logical_Flow. */
export interface SouthboundRows {
  SB_Global: SbGlobalRow;
  Chassis: ChassisRow;
  Chassis_Private: ChassisPrivateRow;
  Encap: EncapRow;
  Datapath_Binding: DatapathBindingRow;
  Port_Binding: PortBindingRow;
  Multicast_Group: MulticastGroupRow;
  HA_Chassis_Group: HaChassisGroupRow;
  HA_Chassis: HaChassisRow;
  FDB: FdbRow;
  IP_Multicast: IpMulticastRow;
  IGMP_Group: IgmpGroupRow;
}

/** One row's change: inserted (no old), deleted (no row), or modified (both). */
export type RowChange<Tables> = {
  [T in keyof Tables]: { table: T; uuid: string; row?: Tables[T]; old?: Tables[T] };
}[keyof Tables];

export type NorthboundChange = RowChange<NorthboundRows>;
export type SouthboundChange = RowChange<SouthboundRows>;
