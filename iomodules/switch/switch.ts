import { iov_slot } from '../gen/abi.js';
import { defineModule } from '../module.js';

/** L2 lookup of a logical switch. */
export const switchModule = defineModule('switch', 'L2 lookup of a logical switch', [
  { function: 'iov_switch', slot: iov_slot.IOV_SLOT_SWITCH },
]);
