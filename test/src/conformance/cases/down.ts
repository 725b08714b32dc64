import { all, host } from '../host.js';
import { northbound } from '../prepare.js';
import { answered, dropped, everyone, type Scenario } from '../table.js';
import { ends, test } from './cases.js';
import { arpFrame, solicit, udp4 } from './packets.js';

const a = host(0x0a);
const c = host(0x0c);
const off = host(0x0d);
const away = host(0x0e);
const request = (from: typeof a, to: typeof a) => arpFrame({ sha: from.mac, spa: from.ip4, tpa: to.ip4 });
const reply = (from: typeof a, to: typeof a) =>
  arpFrame({ op: 2, sha: from.mac, spa: from.ip4, dst: to.mac, tha: to.mac, tpa: to.ip4 });
const set = (value: string) => northbound('set', 'NB_Global', '.', `options:ignore_lsp_down=${value}`);

/** NB_Global.options:ignore_lsp_down, which concerns all switches: the last case puts it back. */
export const down: Scenario = {
  setup: {
    name: 'dn',
    ports: {
      a: { hv: 1, addresses: [all(a)] },
      c: { hv: 2, addresses: [all(c)] },
      off: { hv: 2, addresses: [all(off)], enabled: false },
      away: { hv: 2, addresses: [all(away)], plugged: false },
    },
  },
  cases: [
    test('ARP for a port that is down', 'a', request(a, away), answered(reply(away, a))),
    {
      ...test('ignore_lsp_down=false: ARP for a port that is down', 'a', request(a, away), everyone),
      prepare: set('false'),
    },
    test('ignore_lsp_down=false: ND for a port that is down', 'a', solicit(a, away.ip6), everyone),
    test('ignore_lsp_down=false: ARP for a port that is up', 'a', request(a, c), answered(reply(c, a))),
    test('ignore_lsp_down=false: ARP for a disabled port', 'a', request(a, off), answered(reply(off, a))),
    test(
      'ignore_lsp_down=false: a packet for a port that is down',
      'a',
      udp4(ends(a, away)),
      dropped('destination_unbound'),
    ),
    {
      ...test(
        'ignore_lsp_down=true: ARP for a port that is down',
        'a',
        request(a, away),
        answered(reply(away, a)),
      ),
      prepare: set('true'),
    },
  ],
};
