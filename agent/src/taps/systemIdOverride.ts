import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = 'system-id-override';
/** Bytes that ovn-controller reads at most. */
const LONGEST = 63;

/**
 * The chassis name of the file system-id-override, which wins over external_ids:system-id (ovn-controller(8)); undefined without
 * one. It is where ovn-controller has it: in $OVN_SYSCONFDIR, else in /etc.
 */
export function readSystemIdOverride(directory = process.env.OVN_SYSCONFDIR || '/etc'): string | undefined {
  try {
    const bytes = readFileSync(join(directory, FILE)).subarray(0, LONGEST);
    const [line = ''] = bytes.toString().split(/\r?\n/);
    return line || undefined;
  } catch {
    return undefined;
  }
}
