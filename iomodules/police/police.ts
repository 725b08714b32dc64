import { iov_slot } from '../gen/abi.js';
import { defineModule } from '../module.js';

/** Rate limit of a sender. */
export const police = defineModule('police', 'Rate limit of the sender (options:qos_max_rate)', [
  { function: 'iov_police', slot: iov_slot.IOV_SLOT_POLICE },
]);
