export { Client, type ClientOptions, type ClientState, type ConnectionInfo } from './client.js';
export type { BackoffLimits } from './connection/backoff.js';
export {
  ClientClosedError,
  ConnectionLostError,
  RpcError,
  UnsuitableServerError,
} from './connection/errors.js';
export type { TlsFiles, TlsSource } from './connection/openSocket.js';
export { parseRemotes, type Remote, RemoteSyntaxError } from './connection/remote.js';
export type { ServerStatus } from './connection/serverStatus.js';
export type { Lock } from './lock/lock.js';
export type { Log } from './log.js';
export type {
  Change,
  ChangeMeta,
  GenericTables,
  ReplicaProblem,
  TableChange,
  TableTypes,
} from './replica/change.js';
export { Replica, type ReplicaEvents, type ReplicaOptions } from './replica/replica.js';
export type { ReplicaTable } from './replica/replicaTable.js';
export type { Index, IndexBy, IndexKey } from './replica/rowIndex.js';
export type { TableOptions } from './replica/tableInterest.js';
export { isUuid } from './schema/atom.js';
export type { ColumnValue } from './schema/columnValue.js';
export { byUuid, type Condition, type ConditionFunction } from './schema/condition.js';
export { generateTypes } from './schema/generateTypes.js';
export { NamedUuid } from './schema/namedUuid.js';
export { parseSchema, SchemaError } from './schema/parseSchema.js';
export type { GenericRow } from './schema/rowCodec.js';
export type {
  Atom,
  AtomicType,
  BaseType,
  ColumnSchema,
  ColumnType,
  DatabaseSchema,
  TableSchema,
} from './schema/schemaTypes.js';
export { ValueError } from './schema/valueError.js';
export type { Mutation, Mutator } from './transaction/operation.js';
export type { OperationResult } from './transaction/operationResult.js';
export type { Transaction, WaitOptions } from './transaction/transaction.js';
export { type FailedOperation, TransactionError } from './transaction/transactionError.js';
export { WireError } from './wire/wireError.js';
