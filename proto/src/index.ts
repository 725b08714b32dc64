/** The gRPC contracts between coordinator, agent and iovctl, generated from `proto/iovisor/v1/*.proto`. */
export * from './gen/iovisor/v1/admin.js';
export * from './gen/iovisor/v1/intent.js';
export * from './gen/iovisor/v1/report.js';
export * from './gen/iovisor/v1/session.js';
export { protoDirectory } from './protoDirectory.js';
