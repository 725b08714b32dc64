import type { Claims } from '../claims.js';
import type { Resources } from '../resources.js';
import type { Refusals } from './refusals.js';
import type { Work } from './work.js';

/** What all parts of the compiler read and write. */
export interface Common {
  readonly resources: Resources;
  readonly claims: Claims;
  readonly refusals: Refusals;
  readonly work: Work;
}
