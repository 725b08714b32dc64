import type { Server, ServerOptions } from 'node:https';
import type { TlsFollower } from './tlsFollower.js';

/** Of an HTTPS server that wants certificates of its clients, as things are now; see followTls. */
export function httpsOptions({ material }: TlsFollower): ServerOptions {
  return { ...material, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' };
}

/** The server uses what the files say from now on. Who came in under other authorities has to come anew. */
export function followTls(server: Server, follower: TlsFollower): void {
  const change: Parameters<typeof follower.on<'changed'>>[1] = (material, { ca }) => {
    server.setSecureContext({ ...material, minVersion: 'TLSv1.2' });
    if (ca) server.closeAllConnections();
  };
  follower.on('changed', change);
  server.on('close', () => follower.off('changed', change));
}
