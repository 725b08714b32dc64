import { iov_slot } from '../gen/abi.js';
import { defineModule } from '../module.js';

/** VXLAN and Geneve between chassis. */
export const tunnel = defineModule('tunnel', 'VXLAN and Geneve between chassis', [
  { function: 'iov_uplink', hook: 'uplink' },
  { function: 'iov_encap', slot: iov_slot.IOV_SLOT_ENCAP },
  { function: 'iov_encap_any', slot: iov_slot.IOV_SLOT_ENCAP_ANY },
  { function: 'iov_uplink_any', slot: iov_slot.IOV_SLOT_UPLINK_ANY },
  { function: 'iov_path_mtu', slot: iov_slot.IOV_SLOT_PATH_MTU },
  { function: 'iov_flood_fits', slot: iov_slot.IOV_SLOT_FLOOD_FITS },
  { function: 'iov_flood_remote', slot: iov_slot.IOV_SLOT_FLOOD_REMOTE },
]);
