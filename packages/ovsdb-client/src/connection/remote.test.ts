import test from 'ava';
import { parseRemotes } from './remote.js';

test('reads the remotes of Open vSwitch', (t) => {
  t.deepEqual(
    parseRemotes('unix:/run/ovn/ovnnb_db.sock, tcp:127.0.0.1:6641,ssl:[fd00::1]:6642,tcp:db.example'),
    [
      { kind: 'unix', path: '/run/ovn/ovnnb_db.sock', text: 'unix:/run/ovn/ovnnb_db.sock' },
      { kind: 'tcp', host: '127.0.0.1', port: 6641, text: 'tcp:127.0.0.1:6641' },
      { kind: 'ssl', host: 'fd00::1', port: 6642, text: 'ssl:[fd00::1]:6642' },
      { kind: 'tcp', host: 'db.example', port: 6640, text: 'tcp:db.example' },
    ],
  );
});

for (const [text, message] of [
  ['', /no OVSDB remote/],
  [' , ', /no OVSDB remote/],
  ['/run/db.sock', /"\/run\/db\.sock" is not unix:PATH/],
  ['unix:', /no socket path/],
  ['ptcp:6641', /one to listen on/],
  ['tcp:fd00::1:6641', /square brackets/],
  ['tcp:host:0', /no valid port: 0/],
  ['tcp:host:65536', /no valid port/],
  ['tcp:host:x', /no valid HOST:PORT/],
  ['tcp::6641', /no valid HOST:PORT/],
  ['ssl:[::1', /no valid HOST:PORT/],
] as const) {
  test(`refuses "${text}"`, (t) => {
    t.throws(() => parseRemotes(text), { name: 'RemoteSyntaxError', message });
  });
}
