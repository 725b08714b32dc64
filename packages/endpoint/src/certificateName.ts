/** What node:tls tells of a peer's certificate, as far as it is needed here. */
export interface NamedCertificate {
  readonly subject?: { readonly CN?: unknown } | null;
  readonly subjectaltname?: string;
}

/** What `ovs-pki req` puts behind the name unless it is told `--unique`: a UUID, or the date where there is no uuidgen. */
const unique =
  / id:(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4} \p{L}+ \d{2} \d{2}:\d{2}:\d{2})$/iu;

/**
 * Whom a certificate names: its common name, as everywhere in Open vSwitch and OVN; only a certificate without one is named by
 * its DNS alternative names. Of the common name "hv1 id:UUID" that ovs-pki(8) makes the name is "hv1". Empty when it names
 * nobody, or when it has several common names and so does not say whom.
 */
export function certificateNames(certificate: NamedCertificate | undefined): readonly string[] {
  const name = certificate?.subject?.CN;
  if (name !== undefined && name !== '') return typeof name === 'string' ? [withoutId(name)] : [];
  return dnsNames(certificate?.subjectaltname ?? '').map(withoutId);
}

function withoutId(name: string): string {
  return name.replace(unique, '');
}

/** Of "DNS:a, DNS:b, IP Address:10.0.0.1"; what needs quotes there is no name of a host. */
function dnsNames(text: string): string[] {
  return [...text.matchAll(/(?:^|, )(?:[^":,]+:"(?:[^"\\]|\\.)*"|DNS:([^",]+))/g)].flatMap(
    ([, name]) => name ?? [],
  );
}
