import type { LogicalAddress } from '@iovisor-ovn/proto';
import type { LogicalSwitchPortRow } from '../monitor/rows.js';
import type { ProblemStatement } from '../problems/registry.js';
import { parseAddress, parseMacAndIps, parsePortSecurity } from './addresses.js';
import { type PortOptions, readPortOptions } from './port-options.js';

/** A Logical_Switch_Port row read: what of it is usable, and what is wrong with the rest. */
export interface PortConfig {
  addresses: readonly LogicalAddress[];
  /** "unknown" is among the addresses. */
  unknown: boolean;
  portSecurity: readonly LogicalAddress[];
  options: PortOptions;
  /** Source MACs of its frames are learned (build_lswitch_learn_fdb_op of northd). */
  learn: boolean;
  problems: readonly ProblemStatement[];
}

/** Reads a Logical_Switch_Port row. A bad element is left out and becomes a problem; those after it count. Never throws. */
export function readPortConfig(row: LogicalSwitchPortRow): PortConfig {
  const problems: ProblemStatement[] = [];
  const complain = (column: string, message: string) =>
    problems.push({
      where: 'Northbound',
      table: 'Logical_Switch_Port',
      uuid: row._uuid,
      name: row.name,
      column,
      message,
    });
  const addresses: LogicalAddress[] = [];
  let unknown = false;
  let dynamic = false;
  for (const text of row.addresses) {
    const parsed = parseAddress(text);
    if (parsed.kind === 'unknown') unknown = true;
    else if (parsed.kind === 'address') {
      addresses.push(parsed.address);
      if (parsed.rest !== '') complain('addresses', leftOver(text, parsed.rest));
    } else if (parsed.kind === 'dynamic') {
      // northd gives a port one dynamic address, however often it is asked for.
      if (dynamic) complain('addresses', `"${text}" is a second dynamic address; it is ignored`);
      else if (row.dynamic_addresses) addDynamic(row.dynamic_addresses, addresses, complain);
      // In a switch without a subnet nothing is chosen, but the MAC is known and frames find it.
      else addresses.push(...ownMac(text));
      dynamic = true;
    } else if (parsed.kind === 'invalid')
      complain('addresses', noMac(text, 'MAC [IP …], unknown, router or dynamic'));
  }
  const portSecurity: LogicalAddress[] = [];
  for (const text of row.port_security) {
    const parsed = parsePortSecurity(text);
    if (typeof parsed === 'string') {
      complain('port_security', `"${text}" ${parsed}; it is ignored`);
      continue;
    }
    portSecurity.push(parsed.address);
    if (parsed.rest !== '') complain('port_security', leftOver(text, parsed.rest));
  }
  if (row.port_security.length > 0 && portSecurity.length === 0)
    complain('port_security', 'no element is valid: nothing may enter or leave through the port');
  const options = readPortOptions(row.type, row.options, (message) => complain('options', message));
  const learn = unknown && portSecurity.length === 0 && (row.type === '' || options.localnetLearns);
  return { addresses, unknown, portSecurity, options, learn, problems };
}

/** northd chooses the address of a dynamic element and writes it to dynamic_addresses; until then there is none. */
function addDynamic(
  text: string,
  addresses: LogicalAddress[],
  complain: (column: string, message: string) => void,
): void {
  const parsed = parseMacAndIps(text);
  if (parsed) addresses.push(parsed.address);
  else complain('dynamic_addresses', noMac(text, 'MAC [IP …]'));
}

/** Of "MAC dynamic". */
function ownMac(text: string): LogicalAddress[] {
  const parsed = parseMacAndIps(text);
  return parsed ? [parsed.address] : [];
}

function noMac(text: string, wanted: string): string {
  return `"${text}" is not understood (wanted: ${wanted}); it is ignored`;
}

function leftOver(text: string, rest: string): string {
  return `"${rest}" in "${text}" is not an IP address; it and what follows are ignored`;
}
