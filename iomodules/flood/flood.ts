import { iov_slot } from '../gen/abi.js';
import { defineModule } from '../module.js';

/** Copies of a frame to the local members of a multicast group. */
export const flood = defineModule('flood', 'Copies of a frame to the local members of a multicast group', [
  { function: 'iov_flood', slot: iov_slot.IOV_SLOT_FLOOD },
]);
