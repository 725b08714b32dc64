import { Socket } from 'node:net';
import { check } from './errors.js';
import { duplicate } from './native/libc.js';

interface PipeBinding {
  readonly Pipe: new (type: number) => { open(fd: number): number; close(): void };
  readonly constants: { readonly SOCKET: number };
}

/**
 * Calls back once, from the event loop, when poll(2) would say that a descriptor is readable: no thread waits and nothing
 * polls. Node has no handle for such descriptors, but a pipe handle of libuv takes any that poll(2) knows. A BPF map cannot
 * be read(2): libuv finds out when there is something to read, so its error is the answer.
 * @returns what stops waiting
 */
export function whenReadable(fd: number, target: string, callback: () => void): () => void {
  // The handle closes what it was given.
  const own = check(duplicate(fd), 'wait for', target);
  const { Pipe, constants } = (process as unknown as { binding(name: 'pipe_wrap'): PipeBinding }).binding(
    'pipe_wrap',
  );
  const handle = new Pipe(constants.SOCKET);
  const opened = handle.open(own);
  check(opened, 'wait for', target);
  const socket = new Socket({ handle, readable: true, writable: false } as object);
  let waiting = true;
  const ready = () => {
    if (!waiting) return;
    waiting = false;
    socket.destroy();
    callback();
  };
  socket.on('data', ready).on('error', ready).on('close', ready);
  return () => {
    waiting = false;
    socket.destroy();
  };
}
