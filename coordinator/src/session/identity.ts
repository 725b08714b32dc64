import type { PeerCertificate } from 'node:tls';
import type { ServerDuplexStream } from '@grpc/grpc-js';

/**
 * The chassis that the client's certificate speaks for: its common name. Undefined on a connection without TLS, where
 * who can reach the listener is trusted; empty when a certificate names nobody.
 */
export function certifiedName(
  call: Pick<ServerDuplexStream<unknown, unknown>, 'getAuthContext'>,
): string | undefined {
  const context = call.getAuthContext();
  if (context?.transportSecurityType !== 'ssl') return undefined;
  return commonName(context.sslPeerCertificate);
}

function commonName(certificate: PeerCertificate | undefined): string {
  const name: unknown = certificate?.subject?.CN;
  return typeof name === 'string' ? name : '';
}
