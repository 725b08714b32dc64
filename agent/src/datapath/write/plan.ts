import { iov_fdb_keyCodec } from '../abi.js';
import type { Claims } from '../claims.js';
import { isGroupHead } from '../compile/group.js';
import { CONFIG_MAPS, type ConfigMap, keyBuffer, u32 } from '../entry.js';
import type { Mirror, Write } from './mirror.js';

/** Writes to one map that may go in one batch. */
export interface Step {
  map: ConfigMap;
  writes: Write[];
}

/** What one flush does, in this order: see orderOfAdditions. */
export interface Plan {
  additions: Step[];
  /** Numbers of the datapaths whose epoch is bumped between additions and removals. */
  epochs: number[];
  removals: Step[];
  /** Those bumped again behind the removals: the switch remembers what iov_fdb had. */
  epochsAfterwards: number[];
  /** Entries in all. */
  size: number;
}

/**
 * Leaves first, then what points at them, so that a packet at any instant sees the old or the new, never half: lists
 * of addresses, rates and chunks of groups, tunnels and datapaths, then ports and the heads of groups, then the ways by
 * which a packet gets there. Removals go the other way round, after the epochs, of which those of iov_fdb end what is remembered of it.
 */
const ORDER: readonly { map: ConfigMap; part?: 'head' | 'tail' }[] = [
  { map: 'iov_security_ip4' },
  { map: 'iov_security_ip6' },
  { map: 'iov_security' },
  { map: 'iov_rates' },
  { map: 'iov_virtual_ips' },
  { map: 'iov_tunnels' },
  { map: 'iov_groups', part: 'tail' },
  { map: 'iov_ports' },
  { map: 'iov_groups', part: 'head' },
  { map: 'iov_mcast' },
  { map: 'iov_datapaths' },
  { map: 'iov_arp' },
  { map: 'iov_nd' },
  { map: 'iov_fdb' },
  { map: 'iov_learned' },
  { map: 'iov_tunnel_dests' },
  { map: 'iov_tunnel_sources' },
  { map: 'iov_tunnel_locals' },
  { map: 'iov_tunnel_sources6' },
  { map: 'iov_tunnel_locals6' },
  { map: 'iov_vlan_ports' },
  { map: 'iov_ifindex_overflow' },
  { map: 'iov_ifindex' },
];

/** Keys looked at between two yields. */
const PORTION = 256;

/** The difference between what is wanted and what is there, for the given keys. Writes nothing. */
export function* makePlan(
  claims: Claims,
  mirrors: ReadonlyMap<ConfigMap, Mirror>,
  dirty: ReadonlyMap<ConfigMap, ReadonlySet<string>>,
): Generator<undefined, Plan> {
  const additions = new Map<ConfigMap, Write[]>();
  const removals = new Map<ConfigMap, Write[]>();
  const epochs = new Set<number>();
  let size = 0;
  let looked = 0;
  for (const map of CONFIG_MAPS) {
    const mirror = mirrors.get(map);
    for (const key of mirror === undefined ? [] : (dirty.get(map) ?? [])) {
      if (++looked % PORTION === 0) yield;
      const wanted = claims.wanted(map, key);
      if (!mirror!.differs(key, wanted?.value)) continue;
      const datapath = wanted?.datapath ?? claims.formerDatapath(map, key);
      if (datapath > 0) epochs.add(datapath);
      if (map === 'iov_fdb') epochs.add(fdbDatapath(key));
      const write = { key, value: wanted?.value, unit: wanted?.unit ?? '', datapath };
      const side = wanted === undefined ? removals : additions;
      const list = side.get(map);
      if (list === undefined) side.set(map, [write]);
      else list.push(write);
      size++;
    }
  }
  return {
    additions: inOrder(additions),
    epochs: [...epochs],
    removals: inOrder(removals).reverse(),
    epochsAfterwards: [...new Set(removals.get('iov_fdb')?.map(({ key }) => fdbDatapath(key)))],
    size,
  };
}

function inOrder(writes: ReadonlyMap<ConfigMap, Write[]>): Step[] {
  const steps: Step[] = [];
  for (const { map, part } of ORDER) {
    const all = writes.get(map);
    if (all === undefined) continue;
    const chosen = part === undefined ? all : all.filter(({ key }) => isGroupHead(key) === (part === 'head'));
    if (chosen.length > 0) steps.push({ map, writes: chosen });
  }
  return steps;
}

function fdbDatapath(key: string): number {
  return iov_fdb_keyCodec.decode(keyBuffer(key)).datapath;
}

/** Key of iov_epochs. */
export function epochKey(datapath: number): Buffer {
  return u32(datapath);
}
