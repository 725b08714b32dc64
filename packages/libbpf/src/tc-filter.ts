import { constants } from 'node:os';
import { BpfError } from './errors.js';
import type { Direction } from './link.js';
import type { HasFd } from './map.js';
import { cString } from './native/info.js';
import { libbpf } from './native/libbpf.js';
import { withLog } from './native/log.js';
import { ask, attribute } from './native/netlink.js';

/** Names one filter on an interface of this network namespace. */
export interface FilterId {
  ifindex: number;
  direction: Direction;
  /** tc's "pref", 1 to 65535; the lowest runs first. */
  priority: number;
  /** tc's "handle", which tells apart the filters of one priority; from 1. */
  handle: number;
}

export interface FilterSpec extends FilterId {
  /** A program of type sched_cls; its return value is the verdict (direct-action). */
  program: HasFd;
  /** Put it in place of the filter of the same priority and handle, between two packets. */
  replace?: boolean;
}

/** A filter of any kind and owner. */
export interface ListedFilter {
  priority: number;
  handle: number;
  /** `bpf`, `flower`, `matchall`, … */
  kind: string;
}

const ATTACH_POINT: Readonly<Record<Direction, number>> = { ingress: 1, egress: 2 };
/** clsact's classes ffff:fff2 and ffff:fff3. */
const PARENT: Readonly<Record<Direction, number>> = { ingress: 0xfffffff2, egress: 0xfffffff3 };
const REPLACE = 1;
const RTM_GETQDISC = 38;
const RTM_GETTFILTER = 46;
/** Where clsact and the older ingress qdisc both sit: ffff:fff1. */
const TC_H_CLSACT = 0xfffffff1;
const TCA_KIND = 1;
const { EBUSY, EEXIST, EINVAL, ENODEV, ENOENT } = constants.errno;

/**
 * BPF programs as tc filters on the clsact qdisc, for kernels without TCX. A filter stays until it is removed; it
 * belongs to the interface, not to this process.
 */
export const TcFilter = {
  /**
   * Attaches a program; makes the clsact qdisc if the interface has none.
   * @throws BpfError EEXIST if the place is taken and `replace` is not set, ENODEV without the interface
   */
  attach(spec: FilterSpec): { progId: number } {
    const hook = hookOf(spec.ifindex, ATTACH_POINT[spec.direction]);
    const made = withLog(() => libbpf().bpf_tc_hook_create(hook));
    if (made.result < 0 && -made.result !== EEXIST) {
      throw new BpfError('make clsact on', `interface ${spec.ifindex}`, made.result, { log: made.log });
    }
    if (lacksEgress(spec)) {
      const hint = 'It has an ingress qdisc where clsact should be: tc qdisc delete dev … ingress';
      throw new BpfError('attach', filterName(spec), EBUSY, { hint });
    }
    const opts = optionsOf(spec, spec.program.fd, spec.replace ? REPLACE : 0);
    const { result, log } = withLog(() => libbpf().bpf_tc_attach(hook, opts));
    if (result < 0) {
      const hint = -result === EEXIST ? 'There is such a filter already: set "replace"' : undefined;
      throw new BpfError('attach', filterName(spec), result, { hint, log });
    }
    return { progId: opts.readUInt32LE(16) };
  },

  /** The program of a BPF filter; undefined if there is no such filter, or no clsact at all. */
  query(id: FilterId): { progId: number } | undefined {
    if (lacksEgress(id)) return undefined;
    const opts = optionsOf(id, 0, 0);
    const { result, log } = withLog(() =>
      libbpf().bpf_tc_query(hookOf(id.ifindex, ATTACH_POINT[id.direction]), opts),
    );
    if (result >= 0) return { progId: opts.readUInt32LE(16) };
    if (isAbsent(-result, log)) return undefined;
    throw new BpfError('query', filterName(id), result, { log });
  },

  /** Removes a filter and leaves clsact and other people's filters alone. @returns false if it was not there */
  detach(id: FilterId): boolean {
    if (lacksEgress(id)) return false;
    const hook = hookOf(id.ifindex, ATTACH_POINT[id.direction]);
    const { result, log } = withLog(() => libbpf().bpf_tc_detach(hook, optionsOf(id, 0, 0)));
    if (result >= 0) return true;
    if (isAbsent(-result, log)) return false;
    throw new BpfError('detach', filterName(id), result, { log });
  },

  /** All filters of one direction, whoever made them; none if the interface has no clsact. */
  list(ifindex: number, direction: Direction): ListedFilter[] {
    if (lacksEgress({ ifindex, direction })) return [];
    const answers = ask(
      'all',
      RTM_GETTFILTER,
      tcmsg(ifindex, PARENT[direction]),
      `filters of interface ${ifindex}`,
    );
    // A filter's head is listed too, with handle 0, before its instances.
    return answers
      .map((answer) => ({
        priority: answer.readUInt32LE(16) >>> 16,
        handle: answer.readUInt32LE(8),
        kind: kindOf(answer),
      }))
      .filter(({ handle }) => handle !== 0);
  },

  /** Removes clsact if it has no filter left in either direction. @returns whether it was removed */
  removeQdiscIfUnused(ifindex: number): boolean {
    const used = TcFilter.list(ifindex, 'ingress').length + TcFilter.list(ifindex, 'egress').length > 0;
    if (used) return false;
    const both = hookOf(ifindex, ATTACH_POINT.ingress | ATTACH_POINT.egress);
    const { result, log } = withLog(() => libbpf().bpf_tc_hook_destroy(both));
    if (result >= 0) return true;
    if (-result === ENOENT || -result === EINVAL) return false;
    throw new BpfError('remove clsact from', `interface ${ifindex}`, result, { log });
  },
} as const;

/**
 * The older ingress qdisc has one list of filters and takes what is meant for egress into it: to ask it for an
 * egress filter would find, or remove, an ingress one.
 */
function lacksEgress({ ifindex, direction }: Pick<FilterId, 'ifindex' | 'direction'>): boolean {
  if (direction === 'ingress') return false;
  try {
    const [qdisc] = ask('one', RTM_GETQDISC, tcmsg(ifindex, TC_H_CLSACT), `clsact of interface ${ifindex}`);
    return qdisc !== undefined && kindOf(qdisc) === 'ingress';
  } catch (error) {
    // Neither qdisc there, or no interface: whatever comes next says so better.
    if (error instanceof BpfError && [ENOENT, EINVAL, ENODEV].includes(error.errno)) return false;
    throw error;
  }
}

/** struct tcmsg: family, ifindex, handle, parent, info */
function tcmsg(ifindex: number, parent: number): Buffer {
  const message = Buffer.alloc(20);
  message.writeInt32LE(ifindex, 4);
  message.writeUInt32LE(parent, 12);
  return message;
}

function kindOf(answer: Buffer): string {
  return cString(attribute(answer.subarray(20), TCA_KIND) ?? Buffer.alloc(0));
}

function filterName({ ifindex, direction, priority, handle }: FilterId): string {
  return `clsact ${direction} filter of interface ${ifindex}, priority ${priority}, handle ${handle}`;
}

// Without clsact, or any filter in it, the kernel says EINVAL; only its text tells that from a mistake of ours.
function isAbsent(errno: number, log: string): boolean {
  return errno === ENOENT || (errno === EINVAL && /Parent Qdisc|filter chain/.test(log));
}

/** struct bpf_tc_hook */
function hookOf(ifindex: number, attachPoint: number): Buffer {
  const hook = Buffer.alloc(24);
  hook.writeBigUInt64LE(24n, 0);
  hook.writeInt32LE(ifindex, 8);
  hook.writeUInt32LE(attachPoint, 12);
  return hook;
}

/** struct bpf_tc_opts */
function optionsOf({ handle, priority }: FilterId, progFd: number, flags: number): Buffer {
  const opts = Buffer.alloc(32);
  opts.writeBigUInt64LE(32n, 0);
  opts.writeInt32LE(progFd, 8);
  opts.writeUInt32LE(flags, 12);
  opts.writeUInt32LE(handle, 20);
  opts.writeUInt32LE(priority, 24);
  return opts;
}
