import type { AclRow, LogicalSwitchRow, PortGroupRow } from '../monitor/rows.js';
import type { ProblemRegistry } from '../problems/registry.js';
import { difference, MultiMap } from './multimap.js';

interface Owner {
  table: 'Logical_Switch' | 'Port_Group';
  uuid: string;
  name: string;
  acls: readonly string[];
  ports: readonly string[];
  /** Why its ports must not forward; undefined: ignoring its ACLs opens nothing. */
  reason?: string;
}

const closing = new Set(['drop', 'reject', 'allow-related']);

/**
 * ACLs are not supported yet. Ignoring one that drops, rejects or tracks connections would open something, so every
 * port it could apply to fails closed: the ports of the switch or of the port group that owns it.
 */
export class AclGuard {
  readonly #acls = new Map<string, AclRow>();
  readonly #owners = new Map<string, Owner>();
  readonly #ownersOfAcl = new MultiMap<string, Owner>();
  readonly #ownersOfPort = new MultiMap<string, Owner>();
  readonly #problems: ProblemRegistry;
  readonly #changed: (lspUuid: string) => void;

  /** `changed` is called with each Logical_Switch_Port uuid whose reason() may have changed. */
  constructor(problems: ProblemRegistry, changed: (lspUuid: string) => void) {
    this.#problems = problems;
    this.#changed = changed;
  }

  /** Why the port must not forward; empty when it may. */
  reason(lspUuid: string): string {
    const reasons = [...this.#ownersOfPort.get(lspUuid)].map((owner) => owner.reason).filter(Boolean);
    return reasons.sort()[0] ?? '';
  }

  setAcl(uuid: string, row: AclRow | undefined): void {
    if (row) this.#acls.set(uuid, row);
    else this.#acls.delete(uuid);
    for (const owner of [...this.#ownersOfAcl.get(uuid)]) this.#judge(owner);
  }

  /** A Logical_Switch or Port_Group row as it is now; undefined: deleted. */
  setOwner(
    table: 'Logical_Switch' | 'Port_Group',
    uuid: string,
    row: LogicalSwitchRow | PortGroupRow | undefined,
  ): void {
    const owner = this.#owners.get(uuid) ?? { table, uuid, name: '', acls: [], ports: [] };
    const acls = difference(owner.acls, row?.acls);
    // Ports are of no interest without ACLs, and a big switch has many.
    const ownerPorts = row?.acls && row.acls.length > 0 ? row.ports : [];
    const ports = difference(owner.ports, ownerPorts);
    for (const acl of acls.removed) this.#ownersOfAcl.delete(acl, owner);
    for (const port of ports.removed) this.#ownersOfPort.delete(port, owner);
    for (const acl of acls.added) this.#ownersOfAcl.add(acl, owner);
    for (const port of ports.added) this.#ownersOfPort.add(port, owner);
    owner.acls = row?.acls ?? [];
    owner.ports = ownerPorts;
    owner.name = row?.name ?? owner.name;
    if (row) this.#owners.set(uuid, owner);
    else this.#owners.delete(uuid);
    const before = owner.reason;
    this.#judge(owner);
    if (before ?? owner.reason) for (const port of [...ports.added, ...ports.removed]) this.#changed(port);
  }

  #judge(owner: Owner): void {
    const rows = owner.acls.map((uuid) => this.#acls.get(uuid)).filter((row) => row !== undefined);
    const bad = rows.filter((row) => closing.has(row.action)).sort((a, b) => b.priority - a.priority)[0];
    const ofWhat = `${owner.table} ${owner.name}`;
    const reason = bad && `ACL "${bad.action}" of ${ofWhat} is not supported yet`;
    if (owner.acls.length === 0) this.#problems.replace(`acl:${owner.uuid}`, []);
    else if (rows.length > 0)
      this.#problems.replace(`acl:${owner.uuid}`, [
        {
          where: 'Northbound',
          table: owner.table,
          uuid: owner.uuid,
          name: owner.name,
          column: 'acls',
          message: reason
            ? `ACLs are not supported yet: the ports of ${ofWhat} do not forward`
            : `ACLs are not supported yet: those of ${ofWhat} only allow, so they are ignored`,
        },
      ]);
    if (reason === owner.reason) return;
    owner.reason = reason;
    for (const port of owner.ports) this.#changed(port);
  }
}
