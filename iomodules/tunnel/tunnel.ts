import { iov_slot } from '../gen/abi.js';
import { defineModule } from '../module.js';

/** VXLAN and Geneve between chassis. */
export const tunnel = defineModule('tunnel', 'VXLAN and Geneve between chassis', [
  { function: 'iov_uplink', hook: 'uplink' },
  { function: 'iov_encap', slot: iov_slot.IOV_SLOT_ENCAP },
  { function: 'iov_flood_remote', slot: iov_slot.IOV_SLOT_FLOOD_REMOTE },
]);
