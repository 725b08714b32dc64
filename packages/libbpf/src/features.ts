import { accessSync, closeSync, constants as fsConstants } from 'node:fs';
import { constants } from 'node:os';
import { KERNEL_BTF } from './btf/btf.js';
import { BpfError, check } from './errors.js';
import { BpfMap } from './map.js';
import { mapFlags, mapTypes } from './map-type.js';
import { libbpf } from './native/libbpf.js';

/** What this kernel can do, found out by doing it: distributions backport, so version numbers tell nothing. */
export interface Features {
  /** Programs attach through TCX links (6.6). */
  tcx: boolean;
  /** Map batch operations (5.6). */
  batchOps: boolean;
  /** The kernel publishes its types in BTF. */
  btf: boolean;
  /** Arrays of different sizes in one map of maps (5.10). */
  innerArray: boolean;
  ringbuf: boolean;
  /** Helpers a sched_cls program may call. */
  bpfLoop: boolean;
  redirectPeer: boolean;
  redirectNeigh: boolean;
  checkMtu: boolean;
  timer: boolean;
}

const SCHED_CLS = 3;
const TCX_INGRESS = 46;
/** enum bpf_func_id */
const HELPERS = { redirectNeigh: 152, redirectPeer: 155, checkMtu: 163, timer: 169, bpfLoop: 181 } as const;

let found: Features | undefined;

/** Tries everything once a process; attaches nothing and leaves nothing behind. @throws BpfError EPERM */
export function features(): Readonly<Features> {
  // First: it fails with EPERM where the probes below would just say no.
  found ??= { batchOps: hasBatchOps(), ...tryTheRest() };
  return found;
}

function tryTheRest(): Omit<Features, 'batchOps'> {
  const helper = (name: keyof typeof HELPERS): boolean =>
    check(libbpf().libbpf_probe_bpf_helper(SCHED_CLS, HELPERS[name], null), 'probe helper', name) > 0;
  return {
    tcx: hasTcx(),
    btf: succeeds(() => accessSync(KERNEL_BTF, fsConstants.R_OK)),
    innerArray: succeeds(() => {
      const spec = { name: 'probe', keySize: 4, valueSize: 4, maxEntries: 1 };
      BpfMap.create({ ...spec, type: 'array', flags: mapFlags.innerMap }).close();
    }),
    ringbuf: libbpf().libbpf_probe_bpf_map_type(mapTypes.ringbuf, null) > 0,
    bpfLoop: helper('bpfLoop'),
    redirectPeer: helper('redirectPeer'),
    redirectNeigh: helper('redirectNeigh'),
    checkMtu: helper('checkMtu'),
    timer: helper('timer'),
  };
}

function succeeds(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}

function hasBatchOps(): boolean {
  const map = BpfMap.create({ type: 'hash', name: 'probe', keySize: 4, valueSize: 4, maxEntries: 1 });
  try {
    const count = new Uint32Array([1]);
    return libbpf().bpf_map_update_batch(map.fd, Buffer.alloc(4), Buffer.alloc(4), count, null) >= 0;
  } finally {
    map.close();
  }
}

/** Attaches to an interface that cannot be: a kernel with TCX misses the interface, another one the attach type. */
function hasTcx(): boolean {
  // r0 = 0; exit
  const instructions = Buffer.from('b7000000000000009500000000000000', 'hex');
  const prog = libbpf().bpf_prog_load(SCHED_CLS, 'probe', 'GPL', instructions, 2, null);
  if (prog < 0) throw new BpfError('load', 'probe program', prog);
  try {
    const result = libbpf().bpf_link_create(prog, 0x7fffffff, TCX_INGRESS, null);
    if (result >= 0) closeSync(result);
    return result >= 0 || -result === constants.errno.ENODEV;
  } finally {
    closeSync(prog);
  }
}
