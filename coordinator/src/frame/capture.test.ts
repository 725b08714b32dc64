import test from 'ava';
import { FrameError } from './frame-error.js';
import { checkFrame, hexFrame } from './hex.js';
import { firstPacket } from './pcap.js';

const frame = Buffer.from('0a00000000020a0000000001080601020304', 'hex');

function classic(little: boolean, magic: number, linkType = 1): Buffer {
  const numbers = [magic, 0x20004, 0, 0, 65535, linkType, 1, 2, frame.length, frame.length];
  const file = Buffer.alloc(40);
  for (const [index, number] of numbers.entries())
    if (little) file.writeUInt32LE(number, index * 4);
    else file.writeUInt32BE(number, index * 4);
  return Buffer.concat([file, frame, Buffer.from('the next packet')]);
}

/** Section header, interface description, a block of another kind, and the packet. */
function pcapng(packetType: 3 | 6, linkType = 1): Buffer {
  const padded = Buffer.concat([frame, Buffer.alloc(-frame.length & 3)]);
  const block = (type: number, body: Buffer) => {
    const head = Buffer.alloc(8);
    head.writeUInt32LE(type);
    head.writeUInt32LE(body.length + 12, 4);
    return Buffer.concat([head, body, head.subarray(4)]);
  };
  const numbers = (...values: number[]) => {
    const body = Buffer.alloc(values.length * 4);
    for (const [index, value] of values.entries()) body.writeUInt32LE(value, index * 4);
    return body;
  };
  const packet = packetType === 6 ? numbers(0, 0, 0, frame.length, frame.length) : numbers(frame.length);
  return Buffer.concat([
    block(0x0a0d0d0a, numbers(0x1a2b3c4d, 1, 0xffffffff, 0xffffffff)),
    block(1, numbers(linkType, 65535)),
    block(5, numbers(0, 0, 0)),
    block(packetType, Buffer.concat([packet, padded])),
  ]);
}

test('the first packet of a capture', (t) => {
  for (const magic of [0xa1b2c3d4, 0xa1b23c4d])
    for (const little of [true, false]) t.deepEqual(firstPacket(classic(little, magic)), frame);
  t.deepEqual(firstPacket(pcapng(6)), frame);
  t.deepEqual(firstPacket(pcapng(3)), frame);
});

test('what is no capture, or holds no Ethernet, is said', (t) => {
  const throws = (file: Buffer, message: RegExp) =>
    t.throws(() => firstPacket(file), { instanceOf: FrameError, message });
  throws(Buffer.from('#!/bin/sh\n'), /no capture file/);
  throws(Buffer.alloc(0), /ends before/);
  throws(classic(true, 0xa1b2c3d4).subarray(0, 24), /ends before/);
  throws(classic(true, 0xa1b2c3d4).subarray(0, 45), /ends before/);
  throws(classic(true, 0xa1b2c3d4, 113), /link type 113/);
  throws(pcapng(6, 101), /link type 101/);
  for (let length = 0; length < pcapng(6).length - 6; length++)
    t.throws(() => firstPacket(pcapng(6).subarray(0, length)), { instanceOf: FrameError });
});

test('hexadecimal frames', (t) => {
  for (const text of [
    '0a00000000020a0000000001080601020304',
    '0x0A00 00000002\n0a:00:00:00:00:01 08 06 01020304',
  ])
    t.deepEqual(hexFrame(text), frame);
  const throws = (text: string, message: RegExp) =>
    t.throws(() => hexFrame(text), { instanceOf: FrameError, message });
  throws('0a0g', /"g" is no/);
  throws('0a0', /odd number/);
  throws('0a00', /2 bytes; an Ethernet header has 14/);
  throws('00'.repeat(9001), /9001 bytes; at most 9000/);
  t.is(checkFrame(Buffer.alloc(9000)).length, 9000);
});
