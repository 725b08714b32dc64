import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { command, type Machine } from '../../lab/index.js';

/** Runs in the receiving machine: one connection, then what came as "bytes sha256" on stdout. */
const sink = `
const { createHash } = require('node:crypto');
require('node:net').createServer((socket) => {
  const hash = createHash('sha256'); let bytes = 0;
  socket.on('data', (d) => { hash.update(d); bytes += d.length; });
  socket.on('end', () => { console.log(bytes, hash.digest('hex')); socket.end(); process.exit(0); });
}).listen(5555, '::', () => console.error('listening'));
`;

/** Runs in the sending machine: MEGABYTES of a pattern that a lost or swapped piece would change. */
const source = `
const { createHash } = require('node:crypto');
const [host, megabytes] = process.argv.slice(1);
const hash = createHash('sha256'); let left = Number(megabytes);
const socket = require('node:net').connect(5555, host, function next() {
  while (left > 0) {
    const piece = Buffer.alloc(1 << 20); for (let i = 0; i < piece.length; i += 4) piece.writeUInt32BE((left << 20) + i, i);
    left--; hash.update(piece);
    if (!socket.write(piece)) return void socket.once('drain', next);
  }
  socket.end();
});
socket.on('close', () => console.log(Number(megabytes) << 20, hash.digest('hex')));
`;

/** Sends `megabytes` over TCP with segmentation offload on; returns what either side says about it. */
export async function transfer(from: Machine, to: Machine, address: string, megabytes: number) {
  const argv = [...to.netns.prefix, process.execPath, '-e', sink];
  const receiver = spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  let received = '';
  receiver.stdout.setEncoding('utf8').on('data', (text: string) => {
    received += text;
  });
  await once(receiver.stderr, 'data');
  const ended = once(receiver, 'close');
  try {
    const script = [process.execPath, '-e', source, address, `${megabytes}`];
    const sent = await command([...from.netns.prefix, ...script], { timeoutMs: 60_000 });
    await ended;
    return { sent: sent.trim(), received: received.trim() };
  } finally {
    receiver.kill('SIGKILL');
  }
}
