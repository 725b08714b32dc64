import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';

/** Fingerprint of the certificate that a server shows to whoever has the certificate in `files` (cert, key, ca). */
export function shownCertificate(host, port, files) {
  const [cert, key, ca] = [files.cert, files.key, files.ca].map((file) => readFileSync(file));
  return new Promise((resolve, reject) => {
    // Who it is we want to see, not to believe.
    const socket = connect({ host, port, cert, key, ca, checkServerIdentity: () => undefined }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket
      .once('error', reject)
      .setTimeout(5000, () => socket.destroy(new Error(`${host}:${port} says nothing`)));
  });
}
