import test from 'ava';
import { Ofports } from './ofports.js';

const wish = (uuid: string, request?: number) => ({ uuid, request });

test('numbers go up, stay, and come back to an interface that returns', (t) => {
  const ofports = new Ofports();
  ofports.assign([wish('a'), wish('b')]);
  t.is(ofports.get('a'), 1);
  t.is(ofports.get('b'), 2);
  ofports.release('a');
  t.is(ofports.get('a'), undefined);
  ofports.assign([wish('c')]);
  t.is(ofports.get('c'), 3, 'a number that was given out is not given to the next at once');
  ofports.assign([wish('a')]);
  t.is(ofports.get('a'), 1);
});

test('at a start what is recorded goes before requests of others and new numbers', (t) => {
  const ofports = new Ofports();
  ofports.reserve('has', 5);
  ofports.reserve('kept', 9);
  ofports.assign([wish('new'), wish('asks', 5), wish('has'), wish('kept', 5)]);
  t.is(ofports.get('has'), 5);
  t.is(ofports.get('kept'), 9);
  t.deepEqual(
    ['new', 'asks'].map((uuid) => ofports.get(uuid)).sort(),
    [10, 11],
    'above all that are recorded',
  );
});

test('a request moves an interface, one that is taken does not', (t) => {
  const ofports = new Ofports();
  ofports.assign([wish('a'), wish('b')]);
  ofports.assign([wish('a', 2)]);
  t.is(ofports.get('a'), 1);
  ofports.assign([wish('a', 30)]);
  t.is(ofports.get('a'), 30);
  ofports.assign([wish('b', 1)]);
  t.is(ofports.get('b'), 1, 'the number that was left is free');
});

test('two rows that claim one number, and numbers no port can have', (t) => {
  const ofports = new Ofports();
  const recorded = { a: 4, b: 4, c: 65534, d: -1, e: undefined };
  for (const [uuid, number] of Object.entries(recorded)) ofports.reserve(uuid, number);
  ofports.assign(Object.keys(recorded).map((uuid) => wish(uuid)));
  t.deepEqual(
    Object.keys(recorded).map((uuid) => ofports.get(uuid)),
    [4, 5, 6, 7, 8],
  );
});

test('all 65279 numbers can be given out, and then none', (t) => {
  const ofports = new Ofports();
  ofports.assign([wish('top', 65279)]);
  const rest = Array.from({ length: 65278 }, (_, at) => wish(`i${at}`, at + 1));
  ofports.assign(rest);
  ofports.assign([wish('late')]);
  t.is(ofports.get('late'), undefined);
  ofports.release('i6');
  ofports.assign([wish('late')]);
  t.is(ofports.get('late'), 7);
});
