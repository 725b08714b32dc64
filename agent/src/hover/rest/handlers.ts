import { EntryError, type HoverTable } from '../engine/hoverEngine.js';
import {
  type BridgeNode,
  bridgePath,
  HoverError,
  type HoverGraph,
  type Link,
  type ModuleNode,
} from '../graph/index.js';
import { decodeGo } from './goJson.js';
import { listing } from './listing.js';
import { NOT_FOUND, ok, type Reply } from './reply.js';
import type { Parameters, Route } from './routes.js';

/** A request, as far as a handler cares. */
export interface Request {
  readonly parameters: Parameters;
  /** What was sent, as text. */
  readonly body: string;
  /** Aborted when the client goes before it has its reply. */
  readonly signal: AbortSignal;
}

export type Handler = (request: Request) => Reply | Promise<Reply>;

/** Dials a controller. */
export interface ControllerDialer {
  /** @throws Error when nobody answers there; the controller that was connected before stays then */
  connect(address: string): Promise<void>;
}

const MODULE_FIELDS = {
  module_type: 'string',
  display_name: 'string',
  tags: 'strings',
  config: 'object',
  id: 'string',
  permissions: 'string',
} as const;
const LINK_FIELDS = { from: 'string', to: 'string' } as const;
const ENTRY_FIELDS = { key: 'string', value: 'string' } as const;

/** Every endpoint of Hover. */
export function hoverRoutes(graph: HoverGraph, controllers: ControllerDialer): Route<Handler>[] {
  const one = (parameters: Parameters) => graph.module(parameters.moduleId!);
  const table = (parameters: Parameters) => one(parameters)?.instance.tables.get(parameters.tableId!);
  const onModule = (act: (module: ModuleNode, request: Request) => Reply) => (request: Request) => {
    const module = one(request.parameters);
    return module === undefined ? NOT_FOUND : act(module, request);
  };
  const onTable =
    (act: (table: HoverTable, request: Request) => Reply | Promise<Reply>) => (request: Request) => {
      const found = table(request.parameters);
      return found === undefined ? NOT_FOUND : act(found, request);
    };
  const onLink = (act: (link: Link) => Reply) => (request: Request) => {
    const link = graph.links.get(request.parameters.linkId!);
    return link === undefined ? NOT_FOUND : act(link);
  };

  const get = (path: string, handler: Handler) => ({ method: 'GET', path, handler });
  const post = (path: string, handler: Handler) => ({ method: 'POST', path, handler });
  const put = (path: string, handler: Handler) => ({ method: 'PUT', path, handler });
  const del = (path: string, handler: Handler) => ({ method: 'DELETE', path, handler });
  return [
    get('/modules/', () => ok(allModules(graph))),
    post('/modules/', async ({ body, signal }) => {
      const asked = decodeGo(body, MODULE_FIELDS);
      return ok(
        moduleEntry(await graph.createModule({ type: asked.module_type ?? '', ...specOf(asked) }, signal)),
      );
    }),
    get('/modules/{moduleId}', ({ parameters }) => {
      const module = one(parameters);
      if (module !== undefined) return ok(moduleEntry(module));
      const bridge = graph.bridge(parameters.moduleId!);
      return bridge === undefined ? NOT_FOUND : ok(bridgeEntry(bridge));
    }),
    // The body first, as in Hover: what is no JSON is 400 even when there is no such module.
    put('/modules/{moduleId}', ({ parameters, body }) => {
      const asked = decodeGo(body, MODULE_FIELDS);
      const module = one(parameters);
      if (module === undefined) return NOT_FOUND;
      graph.updateModule(module, specOf(asked));
      return ok(moduleEntry(module));
    }),
    del(
      '/modules/{moduleId}',
      onModule((module) => {
        graph.deleteModule(module);
        return ok();
      }),
    ),
    get(
      '/modules/{moduleId}/tables/',
      onModule(({ instance }) => ok([...instance.tables.values()].map(tableEntry))),
    ),
    get(
      '/modules/{moduleId}/tables/{tableId}',
      onTable((found) => ok(tableEntry(found))),
    ),
    get(
      '/modules/{moduleId}/tables/{tableId}/entries/',
      onTable((found, { parameters }) => listing(found.entries(), () => table(parameters) === found)),
    ),
    post('/modules/{moduleId}/tables/{tableId}/entries/', ({ parameters, body }) => {
      const { key = '', value = '' } = decodeGo(body, ENTRY_FIELDS);
      return store(table(parameters), key, value);
    }),
    get(
      '/modules/{moduleId}/tables/{tableId}/entries/{entryId}',
      onTable((found, { parameters }) => {
        const key = parameters.entryId!;
        const value = orMissing(() => found.get(key));
        return value === undefined ? NOT_FOUND : ok({ key, value });
      }),
    ),
    put('/modules/{moduleId}/tables/{tableId}/entries/{entryId}', ({ parameters, body }) => {
      const { value = '' } = decodeGo(body, ENTRY_FIELDS);
      return store(table(parameters), parameters.entryId!, value);
    }),
    del(
      '/modules/{moduleId}/tables/{tableId}/entries/{entryId}',
      onTable((found, { parameters }) =>
        orMissing(() => found.delete(parameters.entryId!)) === true ? ok() : NOT_FOUND,
      ),
    ),
    get('/links/', () => ok([...graph.links.values()].map(linkEntry))),
    post('/links/', async ({ body }) => {
      const { from = '', to = '' } = decodeGo(body, LINK_FIELDS);
      return ok(linkEntry(await graph.createLink(from, to)));
    }),
    get(
      '/links/{linkId}',
      onLink((link) => ok(linkEntry(link))),
    ),
    del(
      '/links/{linkId}',
      onLink((link) => {
        graph.deleteLink(link);
        return ok();
      }),
    ),
    get('/external_interfaces/', () => {
      const found = graph.externalInterfaces.map(({ ifindex, name }) => ({ id: String(ifindex), name }));
      return ok(found.length === 0 ? null : found);
    }),
    post('/controllers/', async ({ body }) => {
      const { addr = '' } = decodeGo(body, { addr: 'string' });
      try {
        await controllers.connect(addr);
      } catch {
        throw new HoverError(`Error connecting to controller: ${addr}`);
      }
      return ok();
    }),
  ];
}

function specOf(asked: ReturnType<typeof decodeGo<typeof MODULE_FIELDS>>) {
  return { displayName: asked.display_name ?? '', tags: asked.tags ?? null, config: asked.config };
}

function store(table: HoverTable | undefined, key: string, value: string): Reply {
  if (table === undefined) return NOT_FOUND;
  table.set(key, value);
  return ok({ key, value });
}

/** What cannot be a key has no entry. */
function orMissing<T>(find: () => T): T | undefined {
  try {
    return find();
  } catch (error) {
    if (error instanceof EntryError) return undefined;
    throw error;
  }
}

/** In the order of their numbers. */
function allModules(graph: HoverGraph): object[] {
  const modules = [...graph.modules.values()].map((module) => [module.number, moduleEntry(module)] as const);
  const bridges = [...graph.bridges].map((bridge) => [bridge.number, bridgeEntry(bridge)] as const);
  return [...modules, ...bridges].sort(([a], [b]) => a - b).map(([, entry]) => entry);
}

/** The fields are in the order of Hover's struct. */
function moduleEntry(module: ModuleNode) {
  return {
    module_type: module.type,
    display_name: module.displayName,
    tags: module.tags,
    config: module.config,
    id: module.path,
    permissions: '0600',
  };
}

function bridgeEntry(bridge: BridgeNode) {
  return {
    module_type: 'bridge',
    display_name: bridge.name,
    tags: [],
    config: {},
    id: bridgePath(bridge),
    permissions: '0400',
  };
}

/** In alphabetical order, as Go writes a map. */
function tableEntry(table: HoverTable) {
  return {
    fd: table.fd,
    key_desc: table.keyDesc,
    key_size: table.keySize,
    leaf_desc: table.leafDesc,
    leaf_size: table.leafSize,
    name: table.name,
  };
}

function linkEntry({ id, from, to }: Link) {
  return { id, from: from.node.path, to: to.node.path, 'from-id': from.port, 'to-id': to.port };
}
