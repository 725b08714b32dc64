import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAuthority } from '@iovisor-ovn/endpoint/testing';
import test, { type ExecutionContext } from 'ava';
import { UsageError } from '../config/settings.js';
import { type CliOptions, cliOptions } from './options.js';
import { makeProgram } from './program.js';

function directory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'iovctl-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

/** What `iovctl ARGS health` works with; `file` stands for /etc/iovisor/iovctl.yaml. */
function read(t: ExecutionContext, args: string[], env: NodeJS.ProcessEnv, file?: string): CliOptions {
  const path = join(directory(t), 'iovctl.yaml');
  if (file !== undefined) writeFileSync(path, file);
  const program = makeProgram();
  let options: CliOptions | undefined;
  program.commands
    .find((one) => one.name() === 'health')!
    .action((_service, _flags, command) => {
      options = cliOptions(command, env, path);
    });
  program.parse(['node', 'iovctl', ...args, 'health']);
  return options!;
}

test('flags win over the environment, that over the file, that over the default', (t) => {
  const file = 'coordinator: file:1\ninsecure-plaintext: true\ntls-server-name: in-file\n';
  const env = { IOVISOR_COORDINATOR: 'environment:2', IOVISOR_TLS_SERVER_NAME: 'in-environment' };
  const of = (args: string[], variables: NodeJS.ProcessEnv, text?: string) => {
    const { address, insecure, serverName } = read(t, args, variables, text);
    return [address, insecure, serverName];
  };
  t.deepEqual(of([], {}), ['127.0.0.1:6650', false, undefined]);
  t.deepEqual(of([], {}, ''), ['127.0.0.1:6650', false, undefined]);
  t.deepEqual(of([], {}, file), ['file:1', true, 'in-file']);
  t.deepEqual(of([], env, file), ['environment:2', true, 'in-environment']);
  t.deepEqual(of(['--coordinator', 'flag:3'], env, file), ['flag:3', true, 'in-environment']);
  t.deepEqual(of([], { IOVISOR_INSECURE_PLAINTEXT: 'false' }, file), ['file:1', false, 'in-file']);
  t.deepEqual(of([], { IOVISOR_COORDINATOR: '' }, file)[0], 'file:1', 'an empty variable is none');
});

test('another file by flag or environment, instead of the usual one', (t) => {
  const path = join(directory(t), 'other.yaml');
  writeFileSync(path, 'coordinator: other:1\n');
  t.is(read(t, ['--config', path], {}, 'coordinator: usual:1').address, 'other:1');
  t.is(read(t, [], { IOVISOR_CONFIG: path }, 'coordinator: usual:1').address, 'other:1');
  t.is(read(t, ['--config', '/dev/null'], {}, 'coordinator: usual:1').address, '127.0.0.1:6650');
});

test('a wrong file is said in one line', (t) => {
  const wrong: [string[], string | undefined, RegExp][] = [
    [['--config', '/nope'], undefined, /^config file \/nope: ENOENT/],
    [[], 'coordinater: x:1\n', /^config file .*unknown key "coordinater"$/],
    [[], 'insecure-plaintext: perhaps\n', /^insecure-plaintext: "perhaps" is neither true nor false$/],
    [[], 'coordinator: nowhere\n', /^coordinator: "nowhere" is neither/],
    [[], 'tls-cert: /etc/x\n', /^tls-key is missing/],
  ];
  for (const [args, file, message] of wrong)
    t.throws(() => read(t, args, {}, file), { instanceOf: UsageError, message });
});

test('certificates of the file are for its coordinator, not for sockets of this machine', async (t) => {
  const pki = join(directory(t), 'pki');
  mkdirSync(pki);
  const authority = await TestAuthority.create(pki);
  const { cert, key, ca } = await authority.sign('iovisor-admin');
  const file = `coordinator: central:6650\ntls-cert: ${cert}\ntls-key: ${key}\ntls-ca: ${ca}\n`;
  t.truthy(read(t, [], {}, file).tls);
  t.is(read(t, ['--coordinator', 'unix:/run/x.sock'], {}, file).tls, undefined);
  // Who may not read them may still ask the agent.
  const unreadable = file.replace(key, '/nope.pem');
  t.throws(() => read(t, [], {}, unreadable), { message: /tls-key: .*\/nope\.pem/ });
  t.notThrows(() => read(t, ['--coordinator', 'unix:/run/x.sock'], {}, unreadable));
});
