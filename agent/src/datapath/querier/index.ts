export { Queriers, type Receiver } from './queriers.js';
export { withTag } from './queryFrames.js';
