import type { StringMap } from '../monitor/rows.js';
import { ipBytes } from './addresses.js';

/** A port of type virtual: the address that its parents claim (ovn-nb(5), Virtual port Options). */
export interface VirtualConfig {
  /** options:virtual-ip, 4 or 16 bytes. */
  ip: Uint8Array;
  /** options:virtual-parents. */
  parents: readonly string[];
}

/** What a Logical_Switch_Port's options mean that is independent of other rows. */
export interface PortOptions {
  /** options:network_name of a localnet or l2gateway port. */
  network: string;
  /** 0x8100, or 0x88a8 with options:ethtype=802.11ad. */
  tagEthertype: number;
  /** Bits a second; 0: unlimited. */
  qosMaxRate: bigint;
  /** Bits; 0: not set. */
  qosBurst: bigint;
  /** options:localnet_learn_fdb. */
  localnetLearns: boolean;
  virtual?: VirtualConfig;
}

const customerTag = 0x8100;
const serviceTag = 0x88a8;

/** Reads the options; `complain` hears of each that is not understood and what happens instead. Never throws. */
export function readPortOptions(
  type: string,
  options: StringMap | undefined,
  complain: (message: string) => void,
): PortOptions {
  const onWire = type === 'localnet' || type === 'l2gateway';
  return {
    network: onWire ? (options?.get('network_name') ?? '') : '',
    tagEthertype: onWire ? ethertype(options?.get('ethtype'), complain) : customerTag,
    qosMaxRate: bits(options, 'qos_max_rate', complain),
    qosBurst: bits(options, 'qos_burst', complain),
    localnetLearns: type === 'localnet' && isTrue(options?.get('localnet_learn_fdb')),
    virtual: type === 'virtual' ? virtual(options, complain) : undefined,
  };
}

/** As OVN reads a boolean that is false when not set. */
export function isTrue(text: string | undefined): boolean {
  return text?.toLowerCase() === 'true';
}

/** ovn-nb(5) says 802.11q and 802.11ad; the real names are meant. */
function ethertype(text: string | undefined, complain: (message: string) => void): number {
  switch (text?.toLowerCase()) {
    case undefined:
    case '802.11q':
    case '802.1q':
      return customerTag;
    case '802.11ad':
    case '802.1ad':
      return serviceTag;
    default:
      complain(`ethtype "${text}" is neither 802.11q nor 802.11ad; 802.11q is used`);
      return customerTag;
  }
}

function bits(options: StringMap | undefined, key: string, complain: (message: string) => void): bigint {
  const text = options?.get(key)?.trim();
  if (text === undefined || text === '') return 0n;
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  complain(`${key} "${text}" is not a number of bits; it is ignored`);
  return 0n;
}

function virtual(
  options: StringMap | undefined,
  complain: (message: string) => void,
): VirtualConfig | undefined {
  const text = options?.get('virtual-ip');
  const parents = (options?.get('virtual-parents') ?? '').split(',').filter(Boolean);
  const ip = text === undefined ? undefined : ipBytes(text);
  if (!ip) complain(`virtual-ip "${text ?? ''}" is not an IP address; no parent can claim the port`);
  else if (parents.length === 0) complain('virtual-parents is empty; no parent can claim the port');
  return ip && { ip, parents };
}
