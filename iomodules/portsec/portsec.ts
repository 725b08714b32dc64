import { iov_slot } from '../gen/abi.js';
import { defineModule } from '../module.js';

/** Port security in both directions, and delivery to local ports. */
export const portsec = defineModule(
  'portsec',
  'Port security of sender and receiver; delivery to local ports',
  [
    { function: 'iov_portsec_in', slot: iov_slot.IOV_SLOT_PORTSEC_IN },
    { function: 'iov_portsec_out', slot: iov_slot.IOV_SLOT_PORTSEC_OUT },
  ],
);
