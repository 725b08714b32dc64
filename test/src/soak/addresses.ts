import type { Addresses, MachineState, Security } from './model.js';

type Who = Pick<MachineState, 'tenant' | 'number'>;

const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

/** 02:0a:… is tenant a's, 02:0b:… tenant b's: probe.c knows whose a frame is by the second byte, and from whom by the last. */
export const macOf = ({ tenant, number }: Who): string => `02:0${tenant}:00:00:00:${hex(number)}`;
export const ip4Of = ({ number }: Who): string => `10.0.0.${number}`;
export const ip6Of = ({ number }: Who): string => `fd00::${number}`;

const all = (who: Who): string => `${macOf(who)} ${ip4Of(who)} ${ip6Of(who)}`;
const another = ({ tenant, number }: Who): string => `02:0${tenant}:00:00:ff:${hex(number)}`;

/** Arguments of lsp-set-addresses behind the port's name. */
export function addressesOf(who: Who, kind: Addresses): string[] {
  switch (kind) {
    case 'all':
      return [all(who)];
    case 'mac':
      return [macOf(who)];
    case 'unknown':
      return ['unknown'];
    case 'all and unknown':
      return [all(who), 'unknown'];
    case 'another MAC':
      return [another(who)];
  }
}

/** Arguments of lsp-set-port-security behind the port's name. */
export function securityOf(who: Who, kind: Security): string[] {
  switch (kind) {
    case 'none':
      return [];
    case 'all':
      return [all(who)];
    case 'mac':
      return [macOf(who)];
    case 'another IP':
      return [`${macOf(who)} 10.0.9.9 fd00::99`];
    case 'another MAC':
      return [another(who)];
  }
}

/** ovn-nbctl arguments that make a machine's port. */
export const portArguments = (who: Who & { name: string }, network: string): string[] => [
  ...['--', 'lsp-add', network, who.name],
  ...['--', 'lsp-set-addresses', who.name, ...addressesOf(who, 'all')],
];
