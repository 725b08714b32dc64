import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { BpfError, check } from './errors.js';
import type { HasFd } from './map.js';
import { objectInfo, openPin, pin } from './native/info.js';
import { libbpf, onThread } from './native/libbpf.js';

/** Which packets, seen from the interface: those it received or those it is to send. */
export type Direction = 'ingress' | 'egress';

// enum bpf_attach_type: libbpf 1.1 knows no TCX, but its bpf_link_create passes the number on.
const TCX_INGRESS = 46;
const TCX_EGRESS = 47;
const ATTACH_TYPE: Readonly<Record<Direction, number>> = { ingress: TCX_INGRESS, egress: TCX_EGRESS };
const LINK_TYPE_TCX = 11;

/** What the kernel tells of a link. */
export interface LinkInfo {
  id: number;
  /** Kernel-wide id of the program attached now. */
  progId: number;
  /** The interface of a TCX link; 0 once that is gone or the link is detached; undefined for other links. */
  ifindex: number | undefined;
  /** enum bpf_attach_type of a TCX link; undefined for other links. */
  attachType: Direction | undefined;
}

/** An attachment of a program. It ends with the last descriptor unless it is pinned. */
export class BpfLink implements HasFd {
  #fd: number;
  readonly #target: string;

  private constructor(fd: number, target: string) {
    this.#fd = fd;
    this.#target = target;
  }

  /**
   * Attaches a program of type sched_cls to an interface of this network namespace through TCX, after the ones
   * already there.
   * @throws BpfError EINVAL where the kernel has no TCX (before 6.6; see features()), ENODEV without the interface
   */
  static attachTcx(program: HasFd, ifindex: number, direction: Direction): BpfLink {
    return attached(
      libbpf().bpf_link_create(program.fd, ifindex, ATTACH_TYPE[direction], null),
      direction,
      ifindex,
    );
  }

  /**
   * Like attachTcx(), on another thread: the kernel waits for a grace period of RCU, some 10 ms, and holds the RTNL lock
   * meanwhile, so several at once take as long as one after the other. The program must stay open until then.
   */
  static async attachTcxAsync(program: HasFd, ifindex: number, direction: Direction): Promise<BpfLink> {
    const { fd } = program;
    const result = await onThread((done) =>
      libbpf().bpf_link_create.async(fd, ifindex, ATTACH_TYPE[direction], null, done),
    );
    return attached(result, direction, ifindex);
  }

  /** @internal */
  static ofDescriptor(fd: number, target: string): BpfLink {
    return new BpfLink(fd, target);
  }

  /** Opens a pinned link. @throws BpfError ENOENT, or EINVAL if the pin is no link */
  static openPinned(path: string): BpfLink {
    return new BpfLink(openPin(path, 'link'), `link ${path}`);
  }

  /** @throws BpfError EBADF after close() */
  get fd(): number {
    if (this.#fd >= 0) return this.#fd;
    throw new BpfError('use', this.#target, constants.errno.EBADF, { hint: 'It is closed' });
  }

  /**
   * Puts another program in place of the attached one, between two packets.
   * @throws BpfError ENOLINK if the interface is gone: then unpin, close and attach anew
   */
  update(program: HasFd): void {
    check(libbpf().bpf_link_update(this.fd, program.fd, null), 'replace the program of', this.#target);
  }

  /** Pins the link: the program stays attached when this process ends. */
  pin(path: string): void {
    pin(this.fd, path, this.#target);
  }

  /** Takes the program off the interface at once, pinned or not. The pin, if any, remains and can be unlinked. */
  detach(): void {
    check(libbpf().bpf_link_detach(this.fd), 'detach', this.#target);
  }

  /** Like detach(), on another thread, for the same reason as attachTcxAsync(). Do not close the link meanwhile. */
  async detachAsync(): Promise<void> {
    const { fd } = this;
    check(await onThread((done) => libbpf().bpf_link_detach.async(fd, done)), 'detach', this.#target);
  }

  info(): LinkInfo {
    return readLinkInfo(this.fd);
  }

  /** Closes the descriptor; the program stays attached only if the link is pinned. */
  close(): void {
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }
}

function attached(result: number, direction: Direction, ifindex: number): BpfLink {
  const target = `TCX ${direction} of interface ${ifindex}`;
  if (result < 0) throw new BpfError('attach to', target, result, { hint: attachHint(-result) });
  return BpfLink.ofDescriptor(result, target);
}

/** @internal */
export function readLinkInfo(fd: number): LinkInfo {
  // struct bpf_link_info; the union with the TCX part starts at 16.
  const info = objectInfo(fd, Buffer.alloc(64), `link with descriptor ${fd}`);
  const tcx = info.readUInt32LE(0) === LINK_TYPE_TCX;
  return {
    id: info.readUInt32LE(4),
    progId: info.readUInt32LE(8),
    ifindex: tcx ? info.readUInt32LE(16) : undefined,
    attachType: tcx ? (info.readUInt32LE(20) === TCX_INGRESS ? 'ingress' : 'egress') : undefined,
  };
}

function attachHint(errno: number): string | undefined {
  if (errno === constants.errno.ENODEV) return 'No such interface in this network namespace';
  if (errno === constants.errno.EINVAL)
    return 'The kernel has no TCX, or the program is not of type sched_cls';
  return undefined;
}
