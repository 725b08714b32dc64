import type { Lab } from '../lab/index.js';

/** What northd gave the switch sw0 and two of its ports, for a lab that has no other switch. */
export async function tunnelKeys(lab: Lab): Promise<{ datapath: number; vm1: number; vm3: number }> {
  const key = async (table: string, ...condition: string[]) =>
    Number(await lab.central.sbctl('--bare', '--columns=tunnel_key', 'find', table, ...condition));
  const [datapath, vm1, vm3] = await Promise.all([
    key('Datapath_Binding'),
    key('Port_Binding', 'logical_port=vm1'),
    key('Port_Binding', 'logical_port=vm3'),
  ]);
  return { datapath, vm1, vm3 };
}
