import { isIP } from 'node:net';
import type { AgentMessage, ChassisConfig, Hello } from '@iovisor-ovn/proto';

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
  if (config.encaps.length === 0)
    throw new BadMessage('no encapsulation: set external_ids:ovn-encap-type and ovn-encap-ip');
  for (const { type, ip } of config.encaps) {
    if (type !== 'geneve' && type !== 'vxlan')
      throw new BadMessage(`external_ids:ovn-encap-type "${type}" is neither geneve nor vxlan`);
    if (isIP(ip) === 0) throw new BadMessage(`external_ids:ovn-encap-ip "${ip}" is no IP address`);
  }
}
