import { ConfigError, ConfigReader, ip4Text } from '../builtin/config.js';
import { defineBuiltin, type JsonObject } from '../builtin/module.js';
import { replaceEntries } from '../builtin/replace.js';
import { ip4Bytes } from '../builtin/wire.js';

/** Pairs of addresses: what leaves with one of the internal ones has the external one outside. */
export const onetoonenat = defineBuiltin(
  'onetoonenat',
  ['onetoonenat'],
  'one-to-one NAT: pairs of internal and external addresses',
  (host) => ({
    configure(config) {
      const pairs = pairsOf(config);
      // Answers have to find their way before anything is asked.
      replaceEntries(
        host.map('reverse_nat_table'),
        pairs.map(({ internal, external }) => [ip4Bytes(external), ip4Bytes(internal)]),
      );
      replaceEntries(
        host.map('egress_nat_table'),
        pairs.map(({ internal, external }) => [ip4Bytes(internal), ip4Bytes(external)]),
      );
    },
  }),
  { maxPorts: 2 },
);

interface Pair {
  internal: number;
  external: number;
}

/** @throws ConfigError */
function pairsOf(config: JsonObject): Pair[] {
  const reader = new ConfigReader(config);
  const seen = { internal: new Set<number>(), external: new Set<number>() };
  const pairs = reader.list('nat_entries').map((entry) => {
    const pair = { internal: entry.ip4('internal_ip'), external: entry.ip4('external_ip') };
    for (const side of ['internal', 'external'] as const) {
      if (seen[side].has(pair[side]))
        throw new ConfigError(`${entry.where(`${side}_ip`)}: ${ip4Text(pair[side])} is in another pair, too`);
      seen[side].add(pair[side]);
    }
    return pair;
  });
  reader.end();
  return pairs;
}
