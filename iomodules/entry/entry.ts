import { defineModule } from '../module.js';

/** Where a packet of a logical port enters the chain. */
export const entry = defineModule(
  'entry',
  'Finds the logical port of a packet that came from a tap or veth',
  [{ function: 'iov_entry', hook: 'tap' }],
);
