import type { LogicalPort } from '@iovisor-ovn/proto';
import { iov_rateCodec } from '../abi.js';

/**
 * The largest frame that a machine hands over at once: 64 KiB of segments that the device will cut (GSO), with headers. A bucket
 * that cannot hold it would never let it pass.
 */
const LARGEST_FRAME = 65536 + 256;
/**
 * Time of traffic that may come at once where nobody said how much: without a queue TCP needs about the product of rate and
 * round-trip time, and most of a data centre is nearer than this.
 */
const DEFAULT_BURST_SECONDS_DIVISOR = 10n;

/** struct iov_rate for options:qos_max_rate and qos_burst; undefined: unlimited. */
export function rateOf({ qosMaxRate, qosBurst }: LogicalPort): Buffer | undefined {
  if (qosMaxRate === 0n) return undefined;
  const perSecond = max((qosMaxRate + 7n) / 8n, 1n);
  const wanted = qosBurst === 0n ? perSecond / DEFAULT_BURST_SECONDS_DIVISOR : (qosBurst + 7n) / 8n;
  return iov_rateCodec.encode({ bytes_per_second: perSecond, burst: max(wanted, BigInt(LARGEST_FRAME)) });
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
