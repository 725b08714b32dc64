import { isIP } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { ChannelCredentials, type ChannelOptions, experimental, type ServerCredentials } from '@grpc/grpc-js';
import { certificateNames } from './certificateName.js';
import type { TlsFollower } from './tlsFollower.js';
import type { TlsMaterial } from './tlsMaterial.js';

/** Of a gRPC server that wants certificates of its clients; new connections use what the files say then. */
export function serverCredentials(follower: TlsFollower): ServerCredentials {
  const provider = new FollowedCertificates(follower);
  return experimental.createCertificateProviderServerCredentials(provider, provider, true);
}

/**
 * Of a gRPC client. The server proves itself by the authority's signature and not by its host name, as everywhere in Open
 * vSwitch: certificates of ovs-pki(8) name no hosts. With `serverName` its certificate must bear this name, too.
 */
export function channelCredentials({ ca, key, cert }: TlsMaterial, serverName?: string): ChannelCredentials {
  return ChannelCredentials.createSsl(ca, key, cert, {
    checkServerIdentity: (_host, certificate) => checkServerName(certificate, serverName),
  });
}

/**
 * Options of a channel to `host`. grpc-js would send the host as server name of TLS, and an IP address is none: Node.js warns of
 * that on standard error.
 */
export function tlsChannelOptions(host: string): ChannelOptions {
  return isIP(host) === 0 ? {} : { 'grpc.ssl_target_name_override': 'iovisor' };
}

/** Undefined when a server's certificate bears the name that is wanted, or none is. */
export function checkServerName(certificate: PeerCertificate, wanted: string | undefined): Error | undefined {
  const names = certificateNames(certificate);
  if (wanted === undefined || names.includes(wanted)) return undefined;
  return new Error(`the server's certificate is for "${names.join('", "')}" and not for "${wanted}"`);
}

type CaListener = Parameters<experimental.CertificateProvider['addCaCertificateListener']>[0];
type IdentityListener = Parameters<experimental.CertificateProvider['addIdentityCertificateListener']>[0];

/** A follower as grpc-js wants it. */
class FollowedCertificates implements experimental.CertificateProvider {
  readonly #follower: TlsFollower;
  readonly #cas = new Set<CaListener>();
  readonly #identities = new Set<IdentityListener>();

  constructor(follower: TlsFollower) {
    this.#follower = follower;
    follower.on('changed', () => {
      for (const listener of this.#identities) this.#tellIdentity(listener);
      for (const listener of this.#cas) this.#tellCa(listener);
    });
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#cas.add(listener);
    // Only then does grpc-js listen to itself.
    process.nextTick(() => this.#tellCa(listener));
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#cas.delete(listener);
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identities.add(listener);
    process.nextTick(() => this.#tellIdentity(listener));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identities.delete(listener);
  }

  #tellCa(listener: CaListener): void {
    listener({ caCertificate: this.#follower.material.ca });
  }

  #tellIdentity(listener: IdentityListener): void {
    const { cert, key } = this.#follower.material;
    listener({ certificate: cert, privateKey: key });
  }
}
