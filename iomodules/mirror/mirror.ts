import { ConfigReader } from '../builtin/config.js';
import { defineBuiltin } from '../builtin/module.js';
import { number32 } from '../builtin/number32.js';
import { mirror_configCodec } from '../gen/mirror.js';

/** mirror_config.copied: bit n is what comes in by port n. */
const COPIED = { both: 0b110, '1to2': 0b010, '2to1': 0b100, none: 0 } as const;
const directions = Object.keys(COPIED) as (keyof typeof COPIED)[];

/** Copies what passes. */
export const mirror = defineBuiltin(
  'mirror',
  ['mirror'],
  'passes between ports 1 and 2, copies to port 3',
  (host) => ({
    configure(config) {
      const reader = new ConfigReader(config);
      const copied = COPIED[reader.choice('direction', directions, 'both')];
      reader.end();
      host.map('config').update(number32(0), mirror_configCodec.encode({ copied }));
    },
  }),
  { maxPorts: 3 },
);
