import type { status } from '@grpc/grpc-js';

/** Ends a call with this gRPC status; the message is for the operator. */
export class AdminError extends Error {
  override readonly name = 'AdminError';

  constructor(
    readonly code: status,
    message: string,
  ) {
    super(message);
  }
}
