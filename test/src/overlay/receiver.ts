import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { command, type Machine } from '../lab/index.js';

/** Answers each UDP datagram with the SHA-256 of what came. */
const server = `
import hashlib, socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 5556))
print("ready", flush=True)
while True:
    data, peer = s.recvfrom(65536)
    s.sendto(hashlib.sha256(data).digest(), peer)
`;

/** Sends datagrams of the given sizes one by one, each up to five times; prints the sizes whose answer was right. */
const client = `
import hashlib, os, socket, sys
address, sizes = sys.argv[1], [int(size) for size in sys.argv[2].split(",")]
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
good = []
for size in sizes:
    data = os.urandom(size)
    for attempt in range(5):
        try:
            s.sendto(data, (address, 5556))
            if s.recv(64) == hashlib.sha256(data).digest():
                good.append(size)
                break
        except OSError:
            pass
print(",".join(map(str, good)))
`;

/** UDP datagrams there and their digests back; returns the sizes that made it. Larger than the MTU: IP fragments them. */
export async function datagrams(
  from: Machine,
  to: Machine,
  address: string,
  sizes: readonly number[],
): Promise<number[]> {
  const argv = [...to.netns.prefix, 'python3', '-u', '-c', server];
  const child = spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  try {
    await once(child.stdout, 'data');
    const printed = await command([...from.netns.prefix, 'python3', '-c', client, address, sizes.join(',')]);
    return printed.split(',').filter(Boolean).map(Number);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}
