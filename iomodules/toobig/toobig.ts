import { iov_slot } from '../gen/abi.js';
import { defineModule } from '../module.js';

/** ICMP and ICMPv6 answers to packets that do not fit. */
export const tooBig = defineModule('toobig', 'Tells senders what fits the tunnel to the receiver', [
  { function: 'iov_too_big_reply', slot: iov_slot.IOV_SLOT_TOO_BIG },
]);
