import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Logs } from './checks/logs.js';
import { brokenSilences, silences } from './checks/reach.js';
import { initialModel } from './model.js';
import { faultsNow, settled } from './settle.js';
import { Site } from './site.js';

// What the soak looks at does see what is wrong: by hand, IOVISOR_SLOW=1.
(process.env.IOVISOR_SLOW ? test.serial : test.serial.skip)(
  'what is not as the model says is found: reach, silence, rows, other tenants, deaths, logs',
  async (t) => {
    const model = initialModel();
    const violations: string[] = [];
    const site = await Site.create(model, { onViolation: (text) => violations.push(text) });
    t.teardown(() => site.close());
    const logs = new Logs(site.lab.registry.dir);
    await settled(site, model, false);
    t.deepEqual(await faultsNow(site, model), []);
    const quiet = silences(model, new Set());
    t.deepEqual(await brokenSilences(model, site.probes, quiet), []);
    t.deepEqual(logs.read().faults, []);

    await site.nbctl('--wait=hv', 'lsp-set-enabled', 'vm4', 'disabled');
    const cut = await faultsNow(site, model);
    for (const fault of [
      /vm1 → vm4 by IPv4: does not arrive/,
      /vm4 → vm1 by IPv6/,
      /broadcast of vm4 at vm5/,
    ])
      t.true(
        cut.some((text) => fault.test(text)),
        `${fault}`,
      );
    await site.nbctl('--wait=hv', 'lsp-set-enabled', 'vm4', 'enabled');
    t.deepEqual(await faultsNow(site, model), []);

    // vm6 is somewhere else than the model has it, and the other tenant's vm12 in the middle of us.
    await site.nbctl('lsp-del', 'vm6', '--', 'lsp-add', 'a0', 'vm6', '--', 'lsp-del', 'vm12');
    await site.nbctl('lsp-add', 'a0', 'vm12');
    await settled(site, model, false);
    const open = await faultsNow(site, model);
    t.true(
      open.some((text) => /broadcast of vm6 at vm1: arrives, and must not/.test(text)),
      `${open}`,
    );
    const heard = await brokenSilences(model, site.probes, quiet);
    t.true(heard.includes('vm1 heard vm6 meanwhile, and never should'), `${heard}`);
    t.true(violations.some((text) => /^vm1, of tenant a, got a frame of the other/.test(text)));

    await site.unplug(3, 'vm5');
    await site.lab.nbctl('--timeout=20', 'wait-until', 'Logical_Switch_Port', 'vm5', 'up=false');
    const rows = await faultsNow(site, model);
    t.true(rows.includes('Port_Binding vm5: chassis is none, and should be hv3'), `${rows}`);

    await site.lab.hv(2).stopAgent('SIGKILL');
    t.true(violations.some((text) => /^agent hv2 ended by itself: SIGKILL/.test(text)));
    appendFileSync(
      join(site.lab.registry.dir, 'hv1', 'agent.log'),
      '{"level":50,"error":"Error: x\\n    at y","msg":"unhandled"}\n',
    );
    t.is(logs.read().faults.length, 1);
  },
);
