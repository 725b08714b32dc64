// A DHCP client: `node dhcpClient.js MAC` in a namespace with one device, which has a default route but no address. Prints the
// lease as JSON.
import { createSocket } from 'node:dgram';
import {
  type DhcpAnswer,
  type DhcpMessage,
  dhcpMessage,
  ip4,
  ip4Bytes,
  readDhcpAnswer,
} from '@iovisor-ovn/iomodules/testing';

const [OFFER, REQUEST, ACK] = [2, 3, 5];
const [mac] = process.argv.slice(2);
const xid = 0x1000 + process.pid;
const socket = createSocket('udp4');
// It has no address yet, so it cannot hear what is for it alone.
let message: DhcpMessage = { type: 1, mac: mac!, xid, broadcast: true };
const send = () => socket.send(dhcpMessage(message), 67, '255.255.255.255');

socket.on('message', (bytes, { port, address }) => {
  const answer = readDhcpAnswer(bytes);
  if (answer.xid !== xid) return;
  if (answer.type === OFFER && message.type === REQUEST) return;
  if (answer.type === OFFER) {
    const options = { 50: ip4Bytes(ip4(answer.yiaddr)), 54: answer.options[54]! };
    message = { ...message, type: REQUEST, options };
    send();
  }
  if (answer.type === ACK) done(answer, { port, address });
});

function done({ yiaddr, options }: DhcpAnswer, from: { port: number; address: string }): void {
  const text = (option: number) => options[option]!.join('.');
  const lease = { address: yiaddr, netmask: text(1), router: text(3), dns: text(6), from };
  process.stdout.write(`${JSON.stringify({ ...lease, seconds: options[51]!.readUInt32BE() })}\n`);
  process.exit();
}

socket.bind(68, () => {
  socket.setBroadcast(true);
  send();
  setInterval(send, 500);
});
