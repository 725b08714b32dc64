import type { ServerDuplexStream } from '@grpc/grpc-js';
import { certificateNames } from '@iovisor-ovn/endpoint';

/** Any call of gRPC. */
export type CertifiedCall = Pick<ServerDuplexStream<unknown, unknown>, 'getAuthContext'>;

/**
 * Whom the client's certificate speaks for. Undefined on a connection without TLS, where who can reach the listener is trusted;
 * empty when a certificate names nobody.
 */
export function certifiedNames(call: CertifiedCall): readonly string[] | undefined {
  const context = call.getAuthContext();
  if (context?.transportSecurityType !== 'ssl') return undefined;
  return certificateNames(context.sslPeerCertificate);
}
