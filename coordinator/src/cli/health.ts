import { Client, type ServiceError } from '@grpc/grpc-js';
import type { Command } from 'commander';
import { channelCredentials, channelOptions, explain } from './call.js';
import { Failure } from './failure.js';
import { cliOptions } from './options.js';
import { printJson } from './print.js';

const names = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** Adds `iovctl health`: exit status 0 only when the coordinator serves. */
export function health(program: Command): void {
  const command = program
    .command('health')
    .description('exit status 0 only when the coordinator leads and both databases are current')
    .argument('[service]', 'ovn-nb, ovn-sb or leader; default: the whole');
  command.action(async (service: string | undefined) => {
    const options = cliOptions(command);
    const client = new Client(options.address, channelCredentials(options), channelOptions(options));
    const state = await check(client, service ?? '').catch((error: ServiceError) => {
      throw explain(options.address, error);
    });
    client.close();
    if (options.json) printJson({ service: service ?? '', status: state });
    else console.log(state);
    if (state !== 'SERVING')
      throw new Failure(`the coordinator at ${options.address} is ${state}; see iovctl status`);
  });
}

/** grpc.health.v1.Health/Check, spelled out: its two messages have one field each. */
function check(client: Client, service: string): Promise<string> {
  const name = Buffer.from(service);
  const request = Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      '/grpc.health.v1.Health/Check',
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => names[bytes[1] ?? 0] ?? 'UNKNOWN',
      request,
      { deadline: Date.now() + 5000 },
      (error: ServiceError | null, state?: string) => (error ? reject(error) : resolve(state ?? 'UNKNOWN')),
    );
  });
}
