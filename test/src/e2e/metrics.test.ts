import { request } from 'node:http';
import { join } from 'node:path';
import test from 'ava';
import { tryCommand, until } from '../lab/index.js';
import { ip4, network } from './support/network.js';

/** GET /metrics over a unix socket, as "name{labels}" → value. */
function scrape(socketPath: string): Promise<Map<string, number>> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path: '/metrics' }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
        resolve(new Map(series.map((line) => [line.replace(/ \S+$/, ''), Number(line.split(' ').at(-1))])));
      });
    })
      .on('error', reject)
      .end();
  });
}

test.serial('the agent counts what each port sends, gets and drops, and how far it is', async (t) => {
  const lab = await network();
  t.teardown(() => lab.destroy());
  const socket = join(lab.hv(1).dir, 'metrics.sock');
  await lab.hv(1).stopAgent();
  await lab.hv(1).startAgent('--metrics', `unix:${socket}`);
  const vm1 = lab.vm('vm1');
  t.true(await vm1.reaches(ip4(2)));
  t.true(await vm1.reaches(ip4(3)));
  const before = await scrape(socket);
  const port = '{port="vm1",switch="sw0"}';
  t.true(before.get(`iovisor_agent_port_receive_packets_total${port}`)! >= 6);
  t.true(before.get(`iovisor_agent_port_transmit_bytes_total${port}`)! >= 6 * 98);
  t.is(before.get(`iovisor_agent_port_forwarding${port}`), 1);
  t.is(before.get('iovisor_agent_session_live'), 1);
  t.is(before.get('iovisor_agent_datapath_synced'), 1);
  t.true(before.get('iovisor_agent_apply_seconds_count')! > 0);
  t.true(
    [...before].some(
      ([name, value]) =>
        name.startsWith('iovisor_agent_tunnel_transmit_packets_total{chassis="hv2"') && value >= 3,
    ),
  );
  // A spoofed packet is a drop with a reason, of its port.
  await lab.nbctl('lsp-set-port-security', 'vm1', '02:00:00:00:00:01 10.0.0.1');
  await lab.sync();
  await vm1.setAddresses('10.0.0.99/24');
  const drops = 'iovisor_agent_port_dropped_packets_total{port="vm1",switch="sw0",reason="portsec_in_arp"}';
  await until('the drop is counted', async () => {
    await vm1.ping(ip4(2), { count: 1 });
    return ((await scrape(socket)).get(drops) ?? 0) > 0;
  });
  // A killed agent leaves its socket; the next one takes its place.
  await lab.hv(1).stopAgent('SIGKILL');
  await lab.hv(1).startAgent('--metrics', `unix:${socket}`);
  t.is((await scrape(socket)).get('iovisor_agent_ovsdb_connected'), 1);
  await lab.coordinator.stop();
  await until(
    'the lost session shows',
    async () => (await scrape(socket)).get('iovisor_agent_session_live') === 0,
  );
});

test.serial('an address for metrics that is taken ends the agent with the flag named', async (t) => {
  const lab = await network({ hypervisors: 1, machines: { 1: 1 } });
  t.teardown(() => lab.destroy());
  const hv = lab.hv(1);
  await hv.stopAgent();
  const argv = hv.agentArgv('--metrics', '203.0.113.1:1', '--insecure-metrics-plaintext');
  const { status, stderr, stdout } = await tryCommand(argv);
  t.is(status, 1);
  t.regex(stderr + stdout, /--metrics: 203\.0\.113\.1:1: .*EADDRNOTAVAIL/);
});
