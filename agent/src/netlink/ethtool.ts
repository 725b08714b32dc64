import { closeSocket, ethtoolRequest, openEthtoolSocket } from './libc.js';
import { readString } from './message.js';
import { NetlinkError } from './netlinkError.js';

/** What a device's driver says of it (ethtool(8)). */
export interface DriverFacts {
  /** Bits a second; undefined while there is none, or the driver does not know. */
  readonly speed?: number;
  readonly duplex?: 'half' | 'full';
  readonly driver?: string;
  readonly driverVersion?: string;
  readonly firmwareVersion?: string;
}

const ETHTOOL_GSET = 0x1;
const ETHTOOL_GDRVINFO = 0x3;
/** struct ethtool_cmd and struct ethtool_drvinfo of linux/ethtool.h. */
const SIZE_OF_CMD = 44;
const SIZE_OF_DRVINFO = 196;
const DUPLEX = ['half', 'full'] as const;

/** Asks drivers by ioctl(2): one system call each, no waiting. */
export class Ethtool {
  #fd = openEthtoolSocket();

  /** No questions after this. */
  close(): void {
    if (this.#fd >= 0) closeSocket(this.#fd);
    this.#fd = -1;
  }

  /** Everything of a device of this namespace; of one that is gone, nothing. */
  facts(name: string): DriverFacts {
    return { ...this.#link(name), ...this.#driver(name) };
  }

  #link(name: string): DriverFacts {
    const cmd = this.#ask(name, ETHTOOL_GSET, SIZE_OF_CMD);
    if (cmd === undefined) return {};
    const [low, high] = [cmd.readUInt16LE(12), cmd.readUInt16LE(28)];
    const megabits = high * 65_536 + low;
    const known = megabits > 0 && low !== 0xffff;
    return { speed: known ? megabits * 1e6 : undefined, duplex: DUPLEX[cmd.readUInt8(14)] };
  }

  #driver(name: string): DriverFacts {
    const info = this.#ask(name, ETHTOOL_GDRVINFO, SIZE_OF_DRVINFO);
    if (info === undefined) return {};
    const text = (at: number) => readString(info.subarray(at, at + 32));
    return { driver: text(4), driverVersion: text(36), firmwareVersion: text(68) };
  }

  #ask(name: string, command: number, size: number): Buffer | undefined {
    const data = Buffer.alloc(size);
    data.writeUInt32LE(command);
    try {
      ethtoolRequest(this.#fd, name, data);
      return data;
    } catch (error) {
      if (error instanceof NetlinkError) return undefined;
      throw error;
    }
  }
}
