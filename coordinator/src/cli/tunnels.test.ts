import test from 'ava';
import { lastSeen } from './tunnels.js';

test('how long ago the other end was seen', (t) => {
  const now = Date.parse('2026-01-02T00:00:00Z');
  t.is(lastSeen('', now), 'never');
  t.is(lastSeen('2026-01-01T23:59:57.500Z', now), '2 s ago');
  t.is(lastSeen('2026-01-02T00:00:05Z', now), '0 s ago', 'its clock is ahead');
  t.is(lastSeen('2026-01-01T23:58:00Z', now), '2 min ago');
  t.is(lastSeen('2026-01-01T20:00:00Z', now), '4 h ago');
  t.is(lastSeen('2025-12-30T00:00:00Z', now), '3 d ago');
});
