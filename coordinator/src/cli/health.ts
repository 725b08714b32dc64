import { setTimeout } from 'node:timers/promises';
import { Client, type ServiceError } from '@grpc/grpc-js';
import type { Command } from 'commander';
import { channelCredentials, channelOptions, explain } from './call.js';
import { Failure } from './failure.js';
import { type CliOptions, cliOptions } from './options.js';
import { printJson } from './print.js';

const names = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const service = '/grpc.health.v1.Health';
const retryMs = 1000;

/** Adds `iovctl health`: exit status 0 only when who is asked serves. */
export function health(program: Command): void {
  const command = program
    .command('health')
    .description('exit status 0 only when the coordinator leads and both databases are current')
    .argument(
      '[service]',
      'ovn-nb, ovn-sb or leader; of an agent (--coordinator unix:/run/iovisor/agent.sock) ovsdb, datapath or coordinator; default: the whole',
    )
    .option('--watch', 'print each change, until interrupted');
  command.action(async (name = '') => {
    const options = cliOptions(command);
    if (command.opts<{ watch?: boolean }>().watch) return watch(options, name);
    const client = open(options);
    const state = await check(client, name)
      .catch((error: ServiceError) => {
        throw explain(options.address, error);
      })
      .finally(() => client.close());
    if (options.json) printJson({ service: name, status: state });
    else console.log(state);
    if (state !== 'SERVING')
      throw new Failure(
        `${name === '' ? '' : `${name} of `}${options.address} is ${state}; see iovctl status`,
      );
  });
}

function open(options: CliOptions): Client {
  return new Client(options.address, channelCredentials(options), channelOptions(options));
}

function check(client: Client, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { deadline: Date.now() + 5000 };
    client.makeUnaryRequest(
      `${service}/Check`,
      same,
      decoded,
      request(name),
      options,
      (error: ServiceError | null, state?: string) => (error ? reject(error) : resolve(state ?? 'UNKNOWN')),
    );
  });
}

/** Prints what is said, and UNREACHABLE while nobody says anything; for ever. */
async function watch(options: CliOptions, name: string): Promise<never> {
  let last = '';
  const print = (status: string) => {
    if (status === last) return;
    last = status;
    const time = new Date().toISOString();
    if (options.json) console.log(JSON.stringify({ time, service: name, status }));
    else console.log(`${time}  ${status}`);
  };
  for (;;) {
    // A new one each time: no pauses of an earlier one.
    const client = open(options);
    await new Promise<void>((resolve) => {
      const stream = client.makeServerStreamRequest(`${service}/Watch`, same, decoded, request(name));
      stream
        .on('data', print)
        .on('error', () => resolve())
        .on('end', resolve);
    });
    client.close();
    print('UNREACHABLE');
    await setTimeout(retryMs);
  }
}

// The messages of grpc.health.v1 are spelled out: they have one field each.

function request(name: string): Buffer {
  const bytes = Buffer.from(name);
  return Buffer.concat([Buffer.from([0x0a, bytes.length]), bytes]);
}

function decoded(bytes: Buffer): string {
  return names[bytes[1] ?? 0] ?? 'UNKNOWN';
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
