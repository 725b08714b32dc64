import type { Cleanup } from '../cleanup.js';
import type { Section } from '../report.js';

export async function benchBpf(_parent: Cleanup, _quick: boolean): Promise<Section> {
  throw new Error('not yet');
}
