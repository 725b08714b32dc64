/** A series that an expression asks for. */
export interface Selector {
  metric: string;
  /** Name and value of each matcher. */
  matchers: [label: string, value: string][];
}

const WORDS = new Set([
  ...[
    'and',
    'or',
    'unless',
    'on',
    'ignoring',
    'by',
    'without',
    'group_left',
    'group_right',
    'bool',
    'offset',
  ],
  ...[
    'sum',
    'max',
    'min',
    'avg',
    'count',
    'topk',
    'bottomk',
    'rate',
    'increase',
    'histogram_quantile',
    'time',
  ],
  ...['vector', 'scalar', 'sort', 'absent', 'label_values'],
]);

/** The series that a PromQL expression names. No parser: enough for expressions whose strings have no braces. */
export function selectors(expression: string): Selector[] {
  const text = expression.replace(/\b(by|without|on|ignoring)\s*\([^)]*\)/g, ' ').replace(/\[[^\]]*\]/g, ' ');
  return [...text.matchAll(/([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?|"[^"]*"|\$\w+|[\d.]+/g)].flatMap(
    ([, metric, braces = '']) => {
      if (metric === undefined || WORDS.has(metric)) return [];
      const matchers = [...braces.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g)];
      return [{ metric, matchers: matchers.map(([, label, value]) => [label!, value!] as [string, string]) }];
    },
  );
}
