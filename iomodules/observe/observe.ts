import { iov_slot } from '../gen/abi.js';
import { defineModule } from '../module.js';

/** Source MACs to learn, and claims of virtual addresses. */
export const observe = defineModule(
  'observe',
  'Tells of source MACs to learn and of claims of virtual addresses',
  [{ function: 'iov_observe', slot: iov_slot.IOV_SLOT_OBSERVE }],
);
