// Run as a process of its own, entered into a namespace from outside: prints the links at start and then each event.
import { Netlink } from '../netlink.js';
import { RecordingLog } from './recordingLog.js';

const netlink = Netlink.open(new RecordingLog());
await netlink.start();
console.log(JSON.stringify({ start: [...netlink.links.values()].map(({ name }) => name) }));
netlink.on('link', ({ kind, link }) => console.log(JSON.stringify({ kind, name: link.name })));
process.stdin.on('end', () => netlink.close()).resume();
