/** What a handler gets of the path: the parts in braces, decoded. */
export type Parameters = Readonly<Record<string, string>>;

export interface Route<Handler> {
  readonly method: string;
  /** `/modules/{moduleId}/tables/`: a part in braces is one that is not empty; a slash at the end counts. */
  readonly path: string;
  readonly handler: Handler;
}

/** The route of a request and its parameters; undefined when there is none. */
export function match<Handler>(
  routes: readonly Route<Handler>[],
  method: string,
  path: string,
): { handler: Handler; parameters: Parameters } | undefined {
  const parts = path.split('/');
  for (const route of routes) {
    if (route.method !== method) continue;
    const parameters = matchParts(route.path.split('/'), parts);
    if (parameters !== undefined) return { handler: route.handler, parameters };
  }
  return undefined;
}

function matchParts(wanted: readonly string[], parts: readonly string[]): Parameters | undefined {
  if (wanted.length !== parts.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const pattern = wanted[index]!;
    if (pattern.startsWith('{') && part !== '') parameters[pattern.slice(1, -1)] = part;
    else if (pattern !== part) return undefined;
  }
  return parameters;
}

/** The path of a request's target, decoded; undefined when the percent signs in it make no text. */
export function pathOf(target: string): string | undefined {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '');
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
