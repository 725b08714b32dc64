import { ConfigReader } from '../builtin/config.js';
import { defineBuiltin } from '../builtin/module.js';
import { number32 } from '../builtin/number32.js';
import { template_configCodec } from '../gen/template.js';

/** Turns the configuration into rows of the tables. */
export const template = defineBuiltin(
  'template',
  ['template'],
  'passes between two ports, but for one Ethernet type',
  (host) => ({
    configure(config) {
      const reader = new ConfigReader(config);
      const refused = reader.integer('refused', { min: 0, max: 0xffff, fallback: 0 });
      reader.end();
      host.map('config').update(number32(0), template_configCodec.encode({ refused }));
    },
  }),
  { maxPorts: 2 },
);
