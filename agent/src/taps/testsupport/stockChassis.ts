import { type ChildProcess, execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { LocalOvsdb } from './localOvsdb.js';
import { endProgram, startOvsdbServer, startProgram } from './startProgram.js';

const SCHEMA = '/usr/share/ovn/ovn-sb.ovsschema';

/** What a chassis published. */
export interface StockChassis {
  readonly name: string;
  readonly hostname: string;
  readonly otherConfig: Readonly<Record<string, string>>;
  readonly transportZones: readonly string[];
  /** `TYPE IP CSUM`, sorted. */
  readonly encaps: readonly string[];
}

/** Has stock ovn-controller register the chassis of this local database in a Southbound database of its own. */
export async function registerByStock(db: LocalOvsdb): Promise<StockChassis> {
  const { directory, env } = db;
  const file = join(directory, 'sb.db');
  const remote = `unix:${join(directory, 'sb.sock')}`;
  execFileSync('ovsdb-tool', ['create', file, SCHEMA], { env });
  const children: ChildProcess[] = [];
  const sbctl = async (...args: string[]) =>
    (await promisify(execFile)('ovn-sbctl', [`--db=${remote}`, '--timeout=30', ...args], { env })).stdout;
  try {
    children.push(await startOvsdbServer(file, remote, join(directory, 'sb.ctl'), env));
    await sbctl('init');
    await db.vsctl(`--no-wait set Open_vSwitch . external_ids:ovn-remote=${remote}`);
    children.push(await startProgram('ovn-controller', [db.remote], env, /OVN internal version/));
    await sbctl('wait-until', 'Chassis', 'hv1');
    const columns = 'name,hostname,other_config,transport_zones';
    const chassis = rows(await sbctl('--format=json', `--columns=${columns}`, 'list', 'Chassis'))[0]!;
    const encaps = rows(await sbctl('--format=json', '--columns=type,ip,options', 'list', 'Encap'));
    return {
      name: chassis[0] as string,
      hostname: chassis[1] as string,
      otherConfig: Object.fromEntries((chassis[2] as [string, [string, string][]])[1]),
      transportZones: setOf(chassis[3]),
      encaps: encaps
        .map(([type, ip, options]) => `${type} ${ip} ${(options as [string, [string, string][]])[1][0]![1]}`)
        .sort(),
    };
  } finally {
    for (const child of children.reverse()) await endProgram(child);
  }
}

function rows(json: string): unknown[][] {
  return (JSON.parse(json) as { data: unknown[][] }).data;
}

function setOf(value: unknown): string[] {
  return Array.isArray(value) ? (value[1] as string[]) : [value as string];
}
