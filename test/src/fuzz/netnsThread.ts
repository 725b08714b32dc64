import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';

const CLONE_NEWNET = 0x40000000;
const setns = koffi.load('libc.so.6').func('int setns(int fd, int nstype)');

/** Lets this thread step into network namespaces and back. */
export class NetnsThread {
  readonly #home = openSync('/proc/thread-self/ns/net', 'r');
  readonly #fds: number[] = [];

  /** Keeps a namespace open. @returns what {@link within} takes */
  open(path: string): number {
    const fd = openSync(path, 'r');
    this.#fds.push(fd);
    return fd;
  }

  /** Runs `work`, which must not wait for anything, inside the namespace. */
  within<T>(netns: number, work: () => T): T {
    enter(netns);
    try {
      return work();
    } finally {
      enter(this.#home);
    }
  }

  close(): void {
    for (const fd of [this.#home, ...this.#fds]) closeSync(fd);
  }
}

function enter(fd: number): void {
  if (setns(fd, CLONE_NEWNET) !== 0)
    throw new Error('cannot enter a network namespace: the fuzzer needs root');
}
