import test from 'ava';
import { pino } from 'pino';
import type { PortState } from '../logic/southbound.js';
import { ClaimAudit } from './audit.js';

test('a port that is found wrong twice is put right, and said', async (t) => {
  const names = Array.from({ length: 120 }, (_, i) => `p${i}`);
  const ports = new Map(
    names.map((name) => [name, { row: { logical_port: name, _uuid: name } } as unknown as PortState]),
  );
  const wrong = new Set(['p3', 'p119']);
  const looked: string[] = [];
  const said: string[] = [];
  let quiet = true;
  const log = pino({ level: 'warn' }, { write: (line: string) => said.push(JSON.parse(line).port) });
  const audit = new ClaimAudit(
    ports,
    {
      isForgotten: ({ row }) => wrong.has(row.logical_port),
      reconcile: (name) => {
        looked.push(name);
        wrong.delete(name);
      },
    },
    () => quiet,
    log,
  );
  await audit.round();
  t.deepEqual(looked, [], 'its row may be on its way');
  wrong.delete('p119');
  quiet = false;
  await audit.round();
  t.deepEqual(looked, [], 'not while something is under way');
  quiet = true;
  await audit.round();
  t.deepEqual(looked, ['p3']);
  t.deepEqual(said, ['p3']);
  wrong.add('p119');
  await audit.round();
  await audit.round();
  t.deepEqual(looked, ['p3', 'p119']);
});
