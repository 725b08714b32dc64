import test from 'ava';
import type { JsonValue } from '../wire/json.js';
import { ColumnCodec } from './columnCodec.js';
import { encodeValue } from './encodeValue.js';
import { NamedUuid } from './namedUuid.js';
import type { AtomicType, ColumnType } from './schemaTypes.js';

const UNLIMITED = Number.POSITIVE_INFINITY;
const UUID = '00000000-1111-4222-8333-444444444444';
const type = (key: AtomicType, min: number, max: number, value?: AtomicType): ColumnType => ({
  key: { type: key },
  ...(value ? { value: { type: value } } : {}),
  min,
  max,
});

test('values go to the wire and back', (t) => {
  const cases: [ColumnType, unknown, JsonValue][] = [
    [type('string', 1, 1), 'x', 'x'],
    [type('integer', 1, 1), -3, -3],
    [type('real', 1, 1), 0.5, 0.5],
    [type('boolean', 1, 1), true, true],
    [type('uuid', 1, 1), UUID, ['uuid', UUID]],
    [type('string', 0, 1), undefined, ['set', []]],
    [type('string', 0, 1), '', ''],
    [type('uuid', 0, 1), UUID, ['uuid', UUID]],
    [type('integer', 0, UNLIMITED), [], ['set', []]],
    [type('integer', 0, UNLIMITED), [7], 7],
    [type('integer', 0, UNLIMITED), [7, 10], ['set', [7, 10]]],
    [type('string', 0, UNLIMITED, 'integer'), new Map([['a', 1]]), ['map', [['a', 1]]]],
    [type('integer', 0, UNLIMITED, 'uuid'), new Map([[1, UUID]]), ['map', [[1, ['uuid', UUID]]]]],
  ];
  for (const [column, value, wire] of cases) {
    t.deepEqual(encodeValue(column, value), wire);
    t.deepEqual(
      new ColumnCodec(column).decode(wire, (problem) => t.fail(problem.message)),
      value,
    );
  }
  t.deepEqual(encodeValue(type('integer', 0, UNLIMITED, 'string'), { 5: 'x' }), ['map', [[5, 'x']]]);
  t.deepEqual(encodeValue(type('uuid', 0, 1), new NamedUuid('n')), ['named-uuid', 'n']);
});

test('values that do not fit are refused by name', (t) => {
  for (const [column, value] of [
    [type('string', 1, 1), 1],
    [type('string', 1, 1), undefined],
    [type('integer', 1, 1), 1.5],
    [type('integer', 1, 1), 2 ** 53],
    [type('integer', 1, 1), 2n ** 63n],
    [type('real', 1, 1), Number.NaN],
    [type('uuid', 1, 1), 'no-uuid'],
    [type('string', 0, 1), ['a', 'b']],
    [type('string', 0, UNLIMITED, 'string'), 'x'],
    [type('string', 0, UNLIMITED, 'string'), new Date()],
  ] as const) {
    t.throws(() => encodeValue(column, value), { name: 'ValueError' });
  }
});

test('an element that does not fit is left out and reported, the rest stays', (t) => {
  const problems: string[] = [];
  const report = (problem: Error) => problems.push(problem.message);
  const map = new ColumnCodec(type('string', 0, UNLIMITED, 'integer'));
  const wire: JsonValue = ['map', [['a', 1], ['b', 2 ** 60], ['c', 'x'], 'd']];
  t.deepEqual(map.decode(wire, report), new Map([['a', 1]]));
  t.is(problems.length, 3);
  t.regex(problems[0]!, /115292150460684\d+.*2\^53/);
  t.throws(() => map.decode(['map', 5], report), { message: /no map/ });
  t.throws(() => new ColumnCodec(type('integer', 1, 1)).decode('x', report), {
    message: /"x" is not of type integer/,
  });
});

test('sets and maps are sorted and cannot be changed by accident', (t) => {
  const fail = () => t.fail();
  const set = new ColumnCodec(type('integer', 0, UNLIMITED)).decode(['set', [10, 9, -1]], fail);
  t.deepEqual(set, [-1, 9, 10]);
  t.throws(() => (set as number[]).push(1));
  const map = new ColumnCodec(type('string', 0, UNLIMITED, 'string')).decode(
    [
      'map',
      [
        ['b', ''],
        ['a', ''],
      ],
    ],
    fail,
  );
  t.deepEqual([...(map as Map<string, string>).keys()], ['a', 'b']);
});
