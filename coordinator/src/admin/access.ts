import {
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { type CertifiedCall, certifiedNames } from '../session/identity.js';

/** What a client may do, from nothing to everything; each includes those before it. */
const roles = ['none', 'read-only', 'admin'] as const;
export type Role = (typeof roles)[number];

/**
 * What each RPC of Admin takes. To look is read-only; what changes something, burdens the hypervisors (a trace, a comparison of
 * all maps) or shows more than the state is for admins. What is not here is for admins.
 */
export const neededRoles: Readonly<Record<string, Role>> = {
  GetStatus: 'read-only',
  ListNodes: 'read-only',
  ListPorts: 'read-only',
  ListSwitches: 'read-only',
  ListRouters: 'read-only',
  ListModules: 'read-only',
  ListDrops: 'read-only',
  ListTunnels: 'read-only',
  ListProblems: 'read-only',
  ListNames: 'read-only',
  GetNode: 'read-only',
  GetLogLevel: 'read-only',
  GetPort: 'read-only',
  Watch: 'read-only',
  Trace: 'admin',
  SetLogLevel: 'admin',
  Verify: 'admin',
};

/** The names of --rbac-admin and --rbac-read-only. */
export interface RoleNames {
  admin: readonly string[];
  readOnly: readonly string[];
}

/** So many different refusals are remembered as said. */
const maxSaid = 1000;

/** Who may call which RPC of Admin. */
export class Access {
  readonly #names: RoleNames;
  readonly #log: Logger;
  readonly #said = new Set<string>();

  constructor(names: RoleNames, log: Logger) {
    this.#names = names;
    this.#log = log;
  }

  /**
   * The role of who bears a certificate of these names. Undefined, without TLS: an admin. Who reaches the unix socket has passed
   * its permissions, and plain text elsewhere was said to be wanted.
   */
  role(names: readonly string[] | undefined): Role {
    if (names === undefined) return 'admin';
    if (names.some((name) => this.#names.admin.includes(name))) return 'admin';
    return names.some((name) => this.#names.readOnly.includes(name)) ? 'read-only' : 'none';
  }

  /** Why somebody may not do what takes `needed`; undefined: they may. Said in the log once for each name and thing. */
  refusal(names: readonly string[] | undefined, what: string, needed: Role): string | undefined {
    if (roles.indexOf(this.role(names)) >= roles.indexOf(needed)) return undefined;
    const who =
      names!.length === 0 ? 'a certificate that names nobody' : `the certificate of "${names!.join('", "')}"`;
    const wanted = needed === 'admin' ? '--rbac-admin' : '--rbac-read-only or --rbac-admin';
    const text = `${who} does not allow ${what}: that takes one of a name in the coordinator's ${wanted}`;
    if (!this.#said.has(text) && this.#said.size < maxSaid) {
      this.#said.add(text);
      this.#log.warn(text);
    }
    return text;
  }

  /** The service, each RPC of which first asks whether the caller may. */
  guard<Implementation extends UntypedServiceImplementation>(
    service: ServiceDefinition,
    implementation: Implementation,
  ): Implementation {
    const guarded = Object.entries(service).map(([method, { path, responseStream }]) => {
      const rpc = path.slice(path.lastIndexOf('/') + 1);
      const handle = implementation[method] as Handle;
      const refuse = (call: Call) => this.refusal(certifiedNames(call), rpc, neededRoles[rpc] ?? 'admin');
      const checked: Handle = (call, reply) => {
        const details = refuse(call);
        if (details === undefined) return handle.call(implementation, call, reply);
        const error = { code: status.PERMISSION_DENIED, details };
        if (responseStream) call.emit('error', error);
        else reply(error);
      };
      return [method, checked] as const;
    });
    return Object.fromEntries(guarded) as unknown as Implementation;
  }
}

type Call = CertifiedCall & (ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>);
type Handle = (call: Call, reply: sendUnaryData<unknown>) => void;
