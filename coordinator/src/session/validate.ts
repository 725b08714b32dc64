import { isIP } from 'node:net';
import type { AgentMessage, ChassisConfig, Hello } from '@iovisor-ovn/proto';
import { limits } from './limits.js';

/** The version of the session protocol spoken here. */
export const sessionProtocol = 1;

/** An agent said something that cannot be accepted; the message is for its operator. */
export class BadMessage extends Error {
  override readonly name = 'BadMessage';
}

/** The Hello of a new session. Throws BadMessage. */
export function validateHello(message: AgentMessage['message']): Hello {
  if (message?.$case !== 'hello') throw new BadMessage('the first message of a session must be Hello');
  const hello = message.value;
  if (hello.protocol !== sessionProtocol)
    throw new BadMessage(
      `session protocol ${hello.protocol} is not spoken here; this coordinator speaks ${sessionProtocol}`,
    );
  if (hello.instance === '') throw new BadMessage('Hello.instance is empty');
  if (!hello.interfaces?.complete) throw new BadMessage('Hello.interfaces is missing or not complete');
  if (!hello.chassis) throw new BadMessage('Hello.chassis is missing');
  shortText('Hello.instance', hello.instance);
  shortText('Hello.software_version', hello.softwareVersion);
  validateChassis(hello.chassis);
  return hello;
}

/** Throws BadMessage, naming the key of the local Open_vSwitch row. */
export function validateChassis(config: ChassisConfig): void {
  if (config.name === '') throw new BadMessage('external_ids:system-id of the Open_vSwitch row is empty');
  if (/[\s,\p{Cc}]/u.test(config.name))
    throw new BadMessage(
      `external_ids:system-id "${config.name}" contains a space, comma or control character`,
    );
  shortText('external_ids:system-id', config.name);
  shortText('external_ids:hostname', config.hostname);
  validateOtherConfig(config.otherConfig);
  if (config.transportZones.length > limits.transportZones)
    throw new BadMessage(`external_ids:ovn-transport-zones has more than ${limits.transportZones} zones`);
  for (const zone of config.transportZones) shortText('external_ids:ovn-transport-zones', zone);
  if (config.encaps.length > limits.encaps)
    throw new BadMessage(
      `external_ids:ovn-encap-ip and ovn-encap-type are more than ${limits.encaps} tunnels`,
    );
  if (config.encaps.length === 0)
    throw new BadMessage('no encapsulation: set external_ids:ovn-encap-type and ovn-encap-ip');
  for (const { type, ip } of config.encaps) {
    if (type !== 'geneve' && type !== 'vxlan')
      throw new BadMessage(`external_ids:ovn-encap-type "${type}" is neither geneve nor vxlan`);
    // A scope ("fe80::1%eth0") means nothing to other hypervisors.
    if (isIP(ip) === 0 || ip.includes('%'))
      throw new BadMessage(`external_ids:ovn-encap-ip "${ip}" is no IP address`);
  }
}

function validateOtherConfig(config: Readonly<Record<string, string>>): void {
  const entries = Object.entries(config);
  if (entries.length > limits.otherConfigKeys)
    throw new BadMessage(`ChassisConfig.other_config has more than ${limits.otherConfigKeys} keys`);
  let length = 0;
  for (const [key, value] of entries) {
    shortText('a key of ChassisConfig.other_config', key);
    plainText(`external_ids:${key}`, value);
    length += key.length + value.length;
  }
  if (length > limits.otherConfigLength)
    throw new BadMessage(
      `ChassisConfig.other_config has ${length} characters; the most is ${limits.otherConfigLength}`,
    );
}

function shortText(what: string, text: string): void {
  if (text.length > limits.nameLength)
    throw new BadMessage(`${what} has ${text.length} characters; the most is ${limits.nameLength}`);
  plainText(what, text);
}

/** Southbound's JSON takes no NUL: the server would hang up, again and again, on all that the coordinator has to write. */
function plainText(what: string, text: string): void {
  if (/\p{Cc}/u.test(text)) throw new BadMessage(`${what} contains a control character`);
}
