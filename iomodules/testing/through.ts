import type { ModuleLab } from './module-lab.js';
import { type Datagram, dissect, framed } from './transport.js';

/** Where an IPv4 packet that came in by a port goes out, and as what. @throws Error when it does not */
export function through(lab: ModuleLab, packet: Buffer, port: number): Datagram & { port: number } {
  const verdict = lab.run(framed(packet), port);
  if (verdict.action !== 'forward') throw new Error(JSON.stringify({ ...verdict, data: undefined }));
  return { port: verdict.port, ...dissect(verdict.data) };
}

/** Why it is dropped, or what else becomes of it. */
export function reasonOf(lab: ModuleLab, packet: Buffer, port: number): string {
  const verdict = lab.run(framed(packet), port);
  return verdict.action === 'drop' ? verdict.reason : verdict.action;
}
