import { iov_slot } from '../gen/abi.js';
import { defineModule } from '../module.js';

/** ARP and IPv6 neighbour discovery responders. */
export const neighbour = defineModule('neighbour', 'Answers ARP requests and neighbour solicitations', [
  { function: 'iov_arp_reply', slot: iov_slot.IOV_SLOT_ARP },
  { function: 'iov_nd_reply', slot: iov_slot.IOV_SLOT_ND },
]);
