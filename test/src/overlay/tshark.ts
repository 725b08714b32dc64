import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command, type Netns, tryCommand } from '../lab/index.js';

/** A packet as tshark reads it: field name to value, absent fields left out. Of fields that occur twice, outer first. */
export type Dissection = ReadonlyMap<string, readonly string[]>;

const fields = [
  'frame.protocols',
  'ip.src',
  'ip.dst',
  'ipv6.src',
  'ipv6.dst',
  'ip.checksum.status',
  'ip.flags.df',
  'udp.srcport',
  'udp.dstport',
  'udp.checksum',
  'udp.checksum.status',
  'vxlan.flags',
  'vxlan.vni',
  'geneve.version',
  'geneve.flags.critical',
  'geneve.vni',
  'geneve.option.class',
  'geneve.option.type',
  'geneve.option.length',
  'geneve.option.unknown.data',
  '_ws.malformed',
  '_ws.expert.message',
] as const;

/** Whether this machine has tshark. */
export async function hasTshark(): Promise<boolean> {
  return (await tryCommand(['tshark', '--version'])).status === 0;
}

/** What passes a device while `during` runs, dissected, all checksums verified. */
export async function dissect(
  netns: Netns,
  device: string,
  filter: string,
  during: () => Promise<void>,
): Promise<Dissection[]> {
  const dir = mkdtempSync(join(tmpdir(), 'iovisor-tshark-'));
  const file = join(dir, 'packets.pcap');
  try {
    const argv = [
      ...netns.prefix,
      'tcpdump',
      '-i',
      device,
      '-U',
      '--immediate-mode',
      '-Z',
      'root',
      '-w',
      file,
      filter,
    ];
    const tcpdump = spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(tcpdump, 'close');
    await once(tcpdump.stderr, 'data');
    tcpdump.stderr.resume();
    await during();
    tcpdump.kill('SIGTERM');
    await ended;
    return await read(file);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function read(file: string): Promise<Dissection[]> {
  const verify = ['ip.check_checksum:TRUE', 'udp.check_checksum:TRUE', 'tcp.check_checksum:TRUE'];
  const text = await command([
    'tshark',
    ...['-r', file, '-n', '-T', 'fields', '-E', 'separator=/t', '-E', 'aggregator=|'],
    ...verify.flatMap((preference) => ['-o', preference]),
    ...fields.flatMap((field) => ['-e', field]),
  ]);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const values = line.split('\t');
      const present = fields.flatMap((field, i) =>
        values[i] ? [[field, values[i].split('|')] as const] : [],
      );
      return new Map<string, readonly string[]>(present);
    });
}
