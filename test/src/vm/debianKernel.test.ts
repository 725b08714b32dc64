import { join } from 'node:path';
import test from 'ava';
import { checkout } from '../lab/index.js';
import { KernelVm } from './kernelVm.js';
import { vmKernel } from './requirements.js';

// Debian 12's kernel has no TCX, and a verifier that knows less than those of today.
const kernel = await vmKernel();
const modules = ['veth', 'sch_ingress', 'cls_bpf', 'af_packet', 'bridge', '8021q'];
let vm: KernelVm;

if (typeof kernel === 'string') test.skip(`Debian's kernel in a virtual machine: ${kernel}`, () => undefined);
else {
  test.before(async () => {
    vm = await KernelVm.boot({ kernel, modules });
  });
  test.after.always(() => vm?.close());

  test.serial('the guest runs the kernel that it should, and says how a script ended', async (t) => {
    t.deepEqual(await vm.run("echo 'of  this'; uname -r; exit 7"), {
      status: 7,
      output: `of  this\n${kernel.release}\n`,
    });
  });

  test.serial("Debian's kernel has no TCX and accepts every IOModule", async (t) => {
    const { status, output } = await vm.run(`node ${join(import.meta.dirname, 'guest', 'loadAll.js')}`);
    t.is(status, 0, output);
    const found = JSON.parse(output) as {
      tcx: boolean;
      loaded: string[];
      modules: string[];
      effort: number;
      builtins: { type: string; effort: number }[];
    };
    t.false(found.tcx);
    t.true(found.effort > 0 && found.effort < 600_000, `${found.effort} instructions verified, of a million`);
    t.deepEqual(found.loaded, found.modules);
    t.true(found.modules.length > 0);
    for (const { type, effort } of found.builtins) t.true(effort < 600_000, `${type}: ${effort}`);
    t.true(found.builtins.length > 0);
  });

  // Real packets, by tests of the IOModules, which attach with clsact only: two ports of a switch with port security, then
  // two chassis and a tunnel; ARP, ND, pings, TCP with GSO over IPv4 and IPv6. One of each: the others take too long here.
  // And VLANs of bridges, which the kernels that run the tests elsewhere may not have. And user modules, compiled there.
  for (const [room, file, only] of [
    ['iomodules', 'portsec/deliver', '*'],
    ['iomodules', 'tunnel/traffic', '*vxlan, redirect_peer:*'],
    ['agent', 'taps/vlans', '*learned in each*'],
    // A minute or two of clang under emulation: by hand, and before a release.
    ...(process.env.IOVISOR_SLOW_TESTS
      ? [['agent', 'hover/engine/forwarding', '*several modules*'] as const]
      : []),
  ] as const)
    test.serial(`Debian's kernel with clsact: ${file}`, async (t) => {
      t.timeout(185_000);
      const ava = join(checkout, 'node_modules/ava/entrypoints/cli.mjs');
      const { status, output } = await vm.run(
        `cd ${join(checkout, room)} && NODE_ENV=test node ${ava} --tap --serial --timeout=170s --match='${only}' dist/${file}.test.js`,
        180_000,
      );
      t.is(status, 0, output);
      t.regex(output, /^# pass [1-9]/m, output);
    });
}
