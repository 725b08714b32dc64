import test from 'ava';
import { pino } from 'pino';
import { changedLevel } from './logLevel.js';

test('the level of the agent and of its rooms changes at run time, to one that there is', (t) => {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const room = log.child({ room: 'taps' });
  room.debug('before');
  t.is(changedLevel(log, 'debug'), 'debug');
  room.debug('after');
  t.is(changedLevel(log, ''), 'debug');
  t.is(changedLevel(log, 'loud'), 'debug');
  t.is(changedLevel(log, 'toString'), 'debug');
  t.is(changedLevel(log, 'silent'), 'silent');
  room.fatal('never');
  t.deepEqual(
    lines.map((line) => JSON.parse(line).msg),
    ['after'],
  );
});
