import { ConfigReader } from '../builtin/config.js';
import { defineBuiltin } from '../builtin/module.js';
import { number32 } from '../builtin/number32.js';
import { policer_bucketCodec, policer_limitCodec } from '../gen/policer.js';

const MAX_RATE = 2 ** 40;
/** 8 GiB. */
const MAX_BURST = 2 ** 33;
/** A packet of GSO. */
const SMALLEST_DEFAULT_BURST = 65_536;

/** Limits the rate between two ports. */
export const policer = defineBuiltin(
  'policer',
  ['policer'],
  'two ports, and a token bucket for each direction',
  (host) => ({
    configure(config, ports) {
      const reader = new ConfigReader(config);
      const limits = reader.list('limits').map((entry) => {
        const rate = entry.integer('bytes_per_second', { min: 1, max: MAX_RATE });
        const fallback = Math.min(Math.max(Math.ceil(rate / 10), SMALLEST_DEFAULT_BURST), MAX_BURST);
        const burst = entry.integer('burst', { min: 1, max: MAX_BURST, fallback });
        return { port: entry.text('port'), bytes_per_second: BigInt(rate), burst: BigInt(burst) };
      });
      reader.end();
      const seen = new Set(limits.map(({ port }) => port));
      if (seen.size < limits.length) reader.fail('limits', 'one limit a port is possible');
      for (const port of [1, 2]) {
        const name = ports.find((peer) => peer.port === port)?.name;
        const limit = limits.find((candidate) => candidate.port === name);
        const { bytes_per_second, burst } = limit ?? { bytes_per_second: 0n, burst: 0n };
        const row = policer_limitCodec.encode({ bytes_per_second, burst });
        if (host.map('limits').lookup(number32(port))?.equals(row)) continue;
        host.map('limits').update(number32(port), row);
        // A debt under another rate means nothing.
        host.map('buckets').update(number32(port), Buffer.alloc(policer_bucketCodec.size));
      }
    },
  }),
  { maxPorts: 2 },
);
