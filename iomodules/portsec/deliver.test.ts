import { TcFilter } from '@iovisor-ovn/libbpf';
import test from 'ava';
import { iov_port_flag } from '../gen/abi.js';
import { Capture, echo, ether, ipv4, Lab, Machine } from '../testing/index.js';

const A = '02:00:00:00:00:01';
const B = '02:00:00:00:00:02';

for (const [how, set] of [
  ['bpf_redirect_peer', iov_port_flag.IOV_PORT_PEER],
  ['bpf_redirect', 0],
] as const) {
  test.serial(`a machine believes and answers what ${how} delivers`, (t) => {
    const lab = new Lab();
    lab.addSwitch(1);
    const a = lab.addPort({ addresses: [`${A} 10.0.0.1`] });
    const b = lab.addPort({ addresses: [`${B} 10.0.0.2`], set });
    const machine = new Machine(b.peer, B, ['10.0.0.2/24']);
    t.teardown(() => {
      machine.close();
      lab.close();
    });
    for (const { ifindex } of [a, b])
      TcFilter.attach({ ifindex, direction: 'ingress', priority: 1, handle: 1, program: lab.modules.entry });
    const sender = new Capture(a.peerIfindex);
    sender.send(
      ether({ src: A, dst: B, type: 0x0800 }, ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 1 }, echo())),
    );
    const answer = sender.next();
    t.is(answer?.subarray(0, 12).toString('hex'), `${A}${B}`.replaceAll(':', ''));
    t.is(answer?.[34], 0, 'echo reply');
    sender.close();
  });
}
