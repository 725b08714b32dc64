import { ConfigReader } from '../builtin/config.js';
import { defineBuiltin } from '../builtin/module.js';
import { null_configCodec } from '../gen/null.js';

/** Counts and drops; logs the length of every n-th packet. */
export const nullModule = defineBuiltin(
  'null',
  ['null', 'null_node'],
  'counts what comes in, logs samples, drops all',
  (host) => ({
    configure(config) {
      const reader = new ConfigReader(config);
      const sample_every = reader.integer('sample_every', { min: 0, max: 0xffffffff, fallback: 1 });
      reader.end();
      host.map('config').update(Buffer.alloc(4), null_configCodec.encode({ sample_every }));
    },
    packetIn({ length }) {
      host.log(`packet with len ${length}`);
      return true;
    },
  }),
);
