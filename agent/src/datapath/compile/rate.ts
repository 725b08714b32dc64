import type { LogicalPort } from '@iovisor-ovn/proto';
import { iov_rateCodec } from '../abi.js';

/**
 * The largest frame that a machine hands over at once: 64 KiB of segments that the device will cut (GSO), with headers. A
 * smaller bucket lets it pass only when full, so that TCP would go by fits and starts.
 */
const LARGEST_FRAME = 65536n + 256n;
/**
 * Part of a second that may come at once where nobody said how much: a policer keeps no queue, so TCP needs about the product
 * of rate and round-trip time, and most is nearer than 100 ms.
 */
const DEFAULT_BURST_DIVISOR = 10n;

/** struct iov_rate for options:qos_max_rate and qos_burst, which are in bits; undefined: unlimited. */
export function rateOf({ qosMaxRate, qosBurst }: LogicalPort): Buffer | undefined {
  if (qosMaxRate === 0n) return undefined;
  const perSecond = (qosMaxRate + 7n) / 8n;
  const burst =
    qosBurst === 0n ? max(perSecond / DEFAULT_BURST_DIVISOR, LARGEST_FRAME) : (qosBurst + 7n) / 8n;
  return iov_rateCodec.encode({ bytes_per_second: perSecond, burst });
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
