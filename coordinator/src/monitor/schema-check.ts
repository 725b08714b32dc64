// Compile-time proof that rows.ts says of each column what the installed OVN's schemas say.
import type { OVN_NorthboundTables } from '../gen/nb.js';
import type { OVN_SouthboundTables } from '../gen/sb.js';
import type { NorthboundRows, SouthboundRows } from './rows.js';

type Fits<Wanted, Schema extends Wanted> = [Wanted, Schema];

export type NorthboundFits = Fits<NorthboundRows, Pick<OVN_NorthboundTables, keyof NorthboundRows>>;
export type SouthboundFits = Fits<SouthboundRows, Pick<OVN_SouthboundTables, keyof SouthboundRows>>;
