import { readdirSync, readlinkSync } from 'node:fs';
import { possibleCpus } from './cpus.js';
import { features } from './features.js';
import { compile } from './fixtures/compile.js';
import { kernelTest } from './fixtures/kernel-test.js';
import { vethPair } from './fixtures/veth.js';
import { BpfLink } from './link.js';
import { BpfObject } from './object.js';

/** This process's descriptors of BPF things: what is neither here nor pinned nor attached is gone. */
function bpfDescriptors(): string[] {
  const fds = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // the descriptor readdir itself used
    }
  });
  return fds.filter((target) => target.includes('bpf'));
}

kernelTest('features are told, and the trials leave nothing behind', (t) => {
  const before = bpfDescriptors();
  const found = features();
  t.deepEqual(bpfDescriptors(), before);
  for (const [name, value] of Object.entries(found)) t.is(typeof value, 'boolean', name);
  // Older than every kernel this product supports.
  t.true(found.batchOps && found.redirectPeer && found.redirectNeigh && found.innerArray && found.ringbuf);
  t.is(features(), found);
});

kernelTest('the TCX feature is what an attachment says', (t) => {
  const pair = vethPair(t);
  const object = BpfObject.open(compile('foreign'));
  t.teardown(() => object.close());
  object.load();
  let attached = true;
  try {
    BpfLink.attachTcx(object.program('foreign'), pair.ifindex, 'ingress').close();
  } catch {
    attached = false;
  }
  t.is(features().tcx, attached);
});

kernelTest('possible CPUs are at least those online', (t) => {
  const online = readdirSync('/sys/devices/system/cpu').filter((name) => /^cpu\d+$/.test(name));
  t.true(possibleCpus() >= 1);
  t.true(possibleCpus() >= online.length);
});
