import test from 'ava';
import { GobDecoder, GobError } from './gobDecoder.js';
import { packetInEncoder, packetOutEncoder } from './gobEncoder.js';

/** What encoding/gob of Go 1.19 wrote for two PacketIn (the second one empty), with the structs as Hover has them. */
const GO_PACKETS_IN = Buffer.from(
  '27ff81030101085061636b6574496e01ff8200010201024d6401ff8400010444617461010a0000005aff830301010a5061636b6574496e4d6401ff84' +
    '00010501094d6f64756c655f69640106000107506f72745f6964010600010a5061636b65745f6c656e0106000106526561736f6e01060001084d6574' +
    '616461746101ff8600000019ff85010101095b335d75696e74333201ff86000106010600001dff820101030102013c01fe020101030100fcdeadbeef' +
    '000103010203000aff820105030000000000',
  'hex',
);
/** The same for two PacketOut: {3 2 1 [0 1 … 255 0 … 43]}, {0 300 0 [9]}. */
const DATA = Buffer.from(Array.from({ length: 300 }, (_, index) => index % 256));
const GO_PACKETS_OUT = Buffer.concat([
  Buffer.from(
    '44ff87030101095061636b65744f757401ff8800010401094d6f64756c655f69640106000107506f72745f6964010600010553656e73650106000104' +
      '44617461010a000000fe0139ff8801030102010101fe012c',
    'hex',
  ),
  DATA,
  Buffer.from('000aff8802fe012c02010900', 'hex'),
]);

const PACKETS_IN = [
  {
    Md: { Module_id: 3, Port_id: 2, Packet_len: 60, Reason: 513, Metadata: [1, 0, 0xdeadbeef] },
    Data: Buffer.from([1, 2, 3]),
  },
  { Md: { Module_id: 0, Port_id: 0, Packet_len: 0, Reason: 0, Metadata: [0, 0, 0] }, Data: Buffer.alloc(0) },
];

test('what Go wrote is read', (t) => {
  const decoder = new GobDecoder();
  t.deepEqual(decoder.push(GO_PACKETS_OUT), [
    { Module_id: 3n, Port_id: 2n, Sense: 1n, Data: DATA },
    { Port_id: 300n, Data: Buffer.from([9]) },
  ]);
});

test('what Go wrote is read byte by byte, arrays and structs in structs too', (t) => {
  const decoder = new GobDecoder();
  const found = [...GO_PACKETS_IN].flatMap((byte) => decoder.push(Buffer.from([byte])));
  const Md = { Module_id: 3n, Port_id: 2n, Packet_len: 60n, Reason: 513n, Metadata: [1n, 0n, 0xdeadbeefn] };
  t.deepEqual(found, [{ Md, Data: Buffer.from([1, 2, 3]) }, { Md: { Metadata: [0n, 0n, 0n] } }]);
});

test('what we write is what Go writes, to the byte', (t) => {
  const encoder = packetInEncoder();
  const written = Buffer.concat(PACKETS_IN.map((packet) => encoder.encode(packet)));
  t.is(written.toString('hex'), GO_PACKETS_IN.toString('hex'));
  const back = new GobDecoder().push(written);
  t.deepEqual(back, new GobDecoder().push(GO_PACKETS_IN));
});

test('packets out come back as they were', (t) => {
  const encoder = packetOutEncoder();
  const packet = { Module_id: 65535, Port_id: 128, Sense: 1, Data: DATA };
  const decoder = new GobDecoder();
  for (let count = 0; count < 3; count++)
    t.deepEqual(decoder.push(encoder.encode(packet)), [
      { Module_id: 65535n, Port_id: 128n, Sense: 1n, Data: DATA },
    ]);
});

test('any types are read', (t) => {
  // Go: struct { F float64; M map[string]int; B bool; I int; S []string; C complex128 }
  const written =
    '35ff81030101015401ff8200010601014601080001014d01ff840001014201020001014901040001015301ff860001014301' +
    '0e0000001eff830401010e6d61705b737472696e675d696e7401ff8400010c0104000016ff85020101085b5d737472696e67' +
    '01ff8600010c00001eff8201fef83f010101610d010101fe02570102017802797a01fef03f4000';
  t.deepEqual(new GobDecoder().push(Buffer.from(written, 'hex')), [
    { F: 1.5, M: [['a', -7n]], B: true, I: -300n, S: ['x', 'yz'], C: [1, 2] },
  ]);
  t.deepEqual(new GobDecoder().push(Buffer.from('03040054', 'hex')), [], 'what is no struct is passed over');
});

test('nonsense is refused, whatever it is', (t) => {
  const cases = {
    'a message of a gigabyte': 'fc40000000',
    'a number of 16 bytes': 'f0',
    'a type that was not described': '03ff90010000',
    'a built-in type described again': '0503030101 00'.replace(' ', ''),
    'a value that is cut off': '02ff88',
  };
  for (const [what, hex] of Object.entries(cases))
    t.throws(() => new GobDecoder().push(Buffer.from(hex, 'hex')), { instanceOf: GobError }, what);
  const broken = Buffer.from(GO_PACKETS_OUT);
  for (let at = 0; at < 70; at++) {
    for (const value of [0, 1, 0x7f, 0x80, 0xf8, 0xff]) {
      broken[at] = value;
      try {
        new GobDecoder().push(broken);
      } catch (error) {
        t.true(error instanceof GobError, `${value} at ${at}: ${error}`);
      }
      broken[at] = GO_PACKETS_OUT[at]!;
    }
  }
});
