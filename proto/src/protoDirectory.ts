import { fileURLToPath } from 'node:url';

/** Where the .proto files are, as gRPC reflection needs them: "iovisor/v1/admin.proto" below it. */
export const protoDirectory = fileURLToPath(new URL('..', import.meta.url));
