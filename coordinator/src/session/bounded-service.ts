import { AgentMessage, CoordinatorService } from '@iovisor-ovn/proto';
import { limits } from './limits.js';
import { BadMessage } from './validate.js';

const sizes = new WeakMap<AgentMessage, number>();

/** Bytes that a message from an agent had on the wire. */
export function sizeOf(message: AgentMessage): number {
  return sizes.get(message) ?? 0;
}

/** Tag and wire type of AgentMessage.hello. */
const helloTag = 0x0a;

function decode(bytes: Buffer): AgentMessage {
  // Before the work of decoding, which is what it is about.
  const most = bytes[0] === helloTag ? limits.helloBytes : limits.messageBytes;
  if (bytes.length > most) throw new BadMessage(`a message of ${bytes.length} bytes; the most is ${most}`);
  const message = AgentMessage.decode(bytes);
  sizes.set(message, bytes.length);
  return message;
}

/** The Coordinator service, which takes no message beyond the limits. */
export const boundedService = {
  ...CoordinatorService,
  session: { ...CoordinatorService.session, requestDeserialize: decode },
};
