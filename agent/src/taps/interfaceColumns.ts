import type { Interface } from '../gen/vswitch.js';
import type { Attachment } from './attachment.js';
import { OFPORT_LOCAL } from './ofports.js';

/** The columns of Interface that ovs-vswitchd fills, see ovs-vswitchd.conf.db(5). */
type Filled = Pick<
  Interface,
  | 'ofport'
  | 'error'
  | 'ifindex'
  | 'mac_in_use'
  | 'admin_state'
  | 'link_state'
  | 'link_speed'
  | 'duplex'
  | 'mtu'
>;

/** Bits a second. */
const LOCAL_SPEED = 10_000_000_000;

const upOrDown = (up: boolean) => (up ? 'up' : 'down');

function columnsOf(
  { kind, link, ofport, error, warning, facts }: Attachment,
  localMac: string | undefined,
): Filled {
  const device = {
    ifindex: link?.ifindex,
    mac_in_use: link?.mac,
    admin_state: link && upOrDown(link.up),
    link_state: link && upOrDown(link.lowerUp),
    mtu: link?.mtu,
    link_speed: facts?.speed,
    duplex: facts?.duplex,
  } as const;
  switch (kind) {
    case 'local':
      return {
        ...device,
        ofport: error === undefined ? OFPORT_LOCAL : -1,
        error,
        mac_in_use: link?.mac ?? localMac,
        admin_state: device.admin_state ?? 'down',
        link_state: device.link_state ?? 'down',
        mtu: link?.mtu ?? 1500,
        // What ovs-vswitchd says of a device of its own; a bridge of the kernel has the speed of its ports.
        link_speed: LOCAL_SPEED,
        duplex: 'full',
      };
    case 'virtual':
      if (error !== undefined) return { ...device, ofport: -1, error };
      return {
        ...device,
        ofport,
        error: warning,
        ifindex: 0,
        admin_state: 'up',
        link_state: 'up',
        link_speed: undefined,
        duplex: undefined,
      };
    default:
      return { ...device, ofport: ofport ?? -1, error };
  }
}

/** What has to be written to the row; undefined when it is right already. */
export function columnsToWrite(
  attachment: Attachment,
  localMac: string | undefined,
): Partial<Filled> | undefined {
  const wanted = columnsOf(attachment, localMac);
  const wrong = Object.entries(wanted).filter(
    ([column, value]) => attachment.row[column as keyof Filled] !== value,
  );
  return wrong.length === 0 ? undefined : Object.fromEntries(wrong);
}
