/** What both daemons need at their ends of connections: unix sockets, TLS files that change, names of certificates, reflection. */
export { certificateNames, type NamedCertificate } from './certificateName.js';
export { channelCredentials, checkServerName, serverCredentials, tlsChannelOptions } from './grpcTls.js';
export { followTls, httpsOptions } from './httpsTls.js';
export { addReflection, type ReflectionSources } from './reflection.js';
export { removeStaleSocket } from './staleSocket.js';
export { type TlsChange, TlsFollower } from './tlsFollower.js';
export {
  dateProblem,
  readMaterial,
  TlsFileError,
  type TlsMaterial,
  type TlsPaths,
  validityOf,
} from './tlsMaterial.js';
export {
  certificateFiles,
  type GivenOption,
  givenTls,
  type OptionNames,
  TlsOptionError,
  tlsOptions,
  usablePaths,
} from './tlsOptions.js';
