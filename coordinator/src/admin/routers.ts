import { byUuid, type Client, type ColumnValue } from '@iovisor-ovn/ovsdb-client';
import type { Router } from '@iovisor-ovn/proto';
import type { Coordinator } from '../coordinator.js';
import type { SwitchState } from '../logic/southbound.js';

/** A database that does not answer must not hold up an answer for ever. */
const timeoutMs = 2000;

/** Columns of Logical_Router that are told of; a release may lack some. */
const wantedColumns = ['name', 'ports', 'nat', 'static_routes', 'policies', 'load_balancer', 'enabled'];

/**
 * The logical routers: Northbound's rows as they are now (no part of what is replicated, because nothing is made of them yet),
 * with the datapath that ovn-northd made for each.
 * @param wanted name or uuid of the only one; empty: all
 * @throws Error when Northbound does not answer
 */
export async function listRouters(coordinator: Coordinator, wanted: string): Promise<Router[]> {
  const { client, replica } = coordinator.northbound;
  const known = [...replica.table('Logical_Router')];
  const routers = known.filter(({ name, _uuid }) => wanted === '' || wanted === name || wanted === _uuid);
  if (routers.length === 0) return [];
  const rows = await select(
    client,
    'Logical_Router',
    wantedColumns,
    wanted === '' ? [] : routers.map(({ _uuid }) => _uuid),
  );
  const uuids = rows.flatMap((row) => texts(row.ports));
  const portRows = await select(client, 'Logical_Router_Port', ['name'], wanted === '' ? [] : uuids);
  const portNames = new Map(portRows.map((row) => [String(row._uuid), String(row.name)]));
  const datapaths = routerDatapaths(coordinator);
  const problems = problemsOf(coordinator);
  return rows.map((row) => {
    const uuid = String(row._uuid);
    const state = datapaths.get(uuid);
    return {
      name: String(row.name ?? ''),
      uuid,
      tunnelKey: state?.row?.tunnel_key ?? 0,
      ports: texts(row.ports)
        .map((one) => portNames.get(one) ?? one)
        .sort(),
      nats: texts(row.nat).length,
      routes: texts(row.static_routes).length,
      policies: texts(row.policies).length,
      loadBalancers: texts(row.load_balancer).length,
      gateways: state ? gatewaysOf(coordinator, state) : [],
      enabled: row.enabled !== false,
      problem: problems.get(uuid) ?? '',
    };
  });
}

type Row = Readonly<Record<string, ColumnValue | undefined>>;

/** @param uuids only these rows; none: all */
async function select(
  client: Client,
  table: string,
  columns: readonly string[],
  uuids: readonly string[],
): Promise<Row[]> {
  const present = client.schema?.tables.get(table)?.columns;
  const names = ['_uuid', ...columns.filter((name) => present?.has(name))];
  const transaction = client.transaction();
  if (uuids.length === 0) transaction.select(table, [], names);
  for (const uuid of uuids) transaction.select(table, [byUuid(uuid)], names);
  const results = await transaction.commit(AbortSignal.timeout(timeoutMs));
  return results.flatMap((result) => (result?.rows ?? []) as unknown as Row[]);
}

/** A set, which OVSDB writes without brackets when it has one element. */
function texts(value: ColumnValue | undefined): string[] {
  if (value === undefined || value instanceof Map) return [];
  return (Array.isArray(value) ? value : [value]).map(String);
}

function routerDatapaths(coordinator: Coordinator): Map<string, SwitchState> {
  const found = new Map<string, SwitchState>();
  for (const state of coordinator.compiler.southbound.switches.values()) {
    const uuid = state.row?.external_ids.get('logical-router');
    if (uuid !== undefined) found.set(uuid, state);
  }
  return found;
}

/** Who may be its gateway: the chassis of a gateway router, and those of its distributed gateway ports. */
function gatewaysOf(coordinator: Coordinator, { ports }: SwitchState): string[] {
  const { southbound } = coordinator.compiler;
  const names = new Set<string>();
  const add = (uuid: string | undefined) => {
    const name = uuid === undefined ? undefined : southbound.chassisByUuid(uuid)?.row.name;
    if (name !== undefined) names.add(name);
  };
  for (const { row, candidates } of ports) {
    const fixed = row.options.get('l3gateway-chassis') ?? '';
    if (row.type === 'l3gateway' && fixed !== '') names.add(fixed);
    if (row.type !== 'chassisredirect') continue;
    add(row.chassis);
    for (const { chassis } of candidates) add(chassis);
  }
  return [...names].sort();
}

function problemsOf(coordinator: Coordinator): Map<string, string> {
  const found = new Map<string, string>();
  for (const { table, uuid, message } of coordinator.problems.all())
    if (table === 'Logical_Router') found.set(uuid, message);
  return found;
}
