import { iov_slot } from '../gen/abi.js';
import { defineModule } from '../module.js';

/** IP multicast of a logical switch with mcast_snoop. */
export const snoop = defineModule(
  'snoop',
  'IP multicast of a logical switch with mcast_snoop: to those who joined',
  [{ function: 'iov_snoop', slot: iov_slot.IOV_SLOT_SNOOP }],
);
