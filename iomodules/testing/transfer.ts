import type { Machine } from './machine.js';

const PORT = 5001;
const SERVER = `
  const server = require('net').createServer((socket) => {
    let bytes = 0;
    socket.on('data', (data) => { bytes += data.length; });
    socket.on('end', () => { console.log(bytes); server.close(); socket.end(); });
  });
  server.listen(${PORT}, '::', () => console.log('ready'));`;

/**
 * One machine sends bytes to another over TCP.
 * @param host address of the other
 * @returns how many came
 */
export async function transfer(from: Machine, to: Machine, host: string, bytes: number): Promise<number> {
  const server = to.start(SERVER);
  const { value: ready } = await server.next();
  if (ready !== 'ready') throw new Error(`the server says ${ready}`);
  from.start(`require('net').connect(${PORT}, '${host}').end(Buffer.alloc(${bytes}, 'x'));`);
  return Number((await server.next()).value);
}
