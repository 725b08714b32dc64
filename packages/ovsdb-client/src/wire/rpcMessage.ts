import { abbreviate, type JsonObject, type JsonValue } from './json.js';
import { LargeContainer, type MaybeLarge } from './large.js';
import { WireError } from './wireError.js';

/** A JSON-RPC 1.0 message (RFC 7047 section 4) as received; long values may still be LargeContainers. */
export type RpcMessage =
  | {
      readonly type: 'reply';
      readonly id: JsonValue;
      readonly result: MaybeLarge;
      readonly error: MaybeLarge;
    }
  | { readonly type: 'request'; readonly id: JsonValue; readonly method: string; readonly params: MaybeLarge }
  | { readonly type: 'notification'; readonly method: string; readonly params: MaybeLarge };

/** Tells replies, requests and notifications apart; throws WireError for what is none of them. */
export function parseRpcMessage(message: JsonObject | LargeContainer): RpcMessage {
  const members = new Map<string, MaybeLarge>(
    message instanceof LargeContainer ? message.members() : Object.entries(message),
  );
  const method = members.get('method') ?? null;
  const id = plain('id', members.get('id') ?? null);
  if (method === null) {
    if (id === null || !(members.has('result') || members.has('error'))) {
      throw new WireError(`the peer sent an object that is no JSON-RPC message, with ${nameList(members)}`);
    }
    return { type: 'reply', id, result: members.get('result') ?? null, error: members.get('error') ?? null };
  }
  if (typeof method !== 'string')
    throw new WireError('the peer sent a JSON-RPC message whose method is no string');
  const params = members.get('params') ?? null;
  return id === null ? { type: 'notification', method, params } : { type: 'request', id, method, params };
}

function nameList(members: Map<string, unknown>): string {
  return members.size === 0 ? 'no members' : `members ${abbreviate([...members.keys()])}`;
}

function plain(name: string, value: MaybeLarge): JsonValue {
  if (value instanceof LargeContainer)
    throw new WireError(`the ${name} of a JSON-RPC message is absurdly long`);
  return value;
}

/** The items of an array with few items, such as the parameters of a notification; undefined for anything else. */
export function arrayItems(value: MaybeLarge): readonly MaybeLarge[] | undefined {
  if (value instanceof LargeContainer) {
    return value.kind === 'array' ? value.members().map(([, item]) => item) : undefined;
  }
  return Array.isArray(value) ? (value as readonly JsonValue[]) : undefined;
}
