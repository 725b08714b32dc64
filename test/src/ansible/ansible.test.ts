// What of ansible/ needs no machine: lint, syntax, and templates that the executables take. The rest: test/ansible/run.mjs.
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { checkout } from '../lab/index.js';

const run = promisify(execFile);
const directory = join(checkout, 'ansible');
const environment = { ...process.env, ANSIBLE_CONFIG: join(directory, 'ansible.cfg'), ANSIBLE_NOCOLOR: '1' };

function has(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const withAnsible = has('ansible-playbook') ? test : test.skip;
const withLint = has('ansible-lint') ? test : test.skip;
const playbooks = readdirSync(directory).filter((file) => file.endsWith('.yml'));

withLint('ansible-lint has nothing to say (skipped without ansible-lint)', async (t) => {
  await t.notThrowsAsync(
    run('ansible-lint', ['--nocolor', '-q'], { cwd: directory, env: environment }).catch((error) => {
      throw new Error(error.stdout);
    }),
  );
});

withAnsible('every playbook is one (skipped without ansible-core)', async (t) => {
  t.true(playbooks.length >= 7);
  await run('ansible-playbook', ['--syntax-check', ...playbooks], { cwd: directory, env: environment });
});

/** Renders the role's template with these variables over its defaults. */
async function render(role: 'agent' | 'coordinator' | 'iovctl', variables: object): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'iovisor-ansible-'));
  const of = (part: string) => join(directory, 'roles', role, part, 'main.yml');
  const out = join(work, `${role}.yaml`);
  const src = join(directory, 'roles', role, 'templates', `${role}.yaml.j2`);
  const template = { 'ansible.builtin.template': { src, dest: out, mode: '0600' } };
  const play = {
    hosts: 'localhost',
    connection: 'local',
    gather_facts: false,
    vars_files: [of('defaults'), of('vars')],
    tasks: [template],
  };
  const file = join(work, 'play.yml');
  writeFileSync(file, JSON.stringify([play]));
  try {
    await run('ansible-playbook', ['-i', 'localhost,', file, '-e', JSON.stringify(variables)], {
      env: environment,
    });
    return readFileSync(out, 'utf8');
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** What the executable says of a configuration file: nothing when it takes it. It ends before it touches anything, since one key is wrong on purpose. */
async function refusal(role: 'agent' | 'coordinator', text: string): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'iovisor-ansible-'));
  const file = join(work, 'config.yaml');
  writeFileSync(file, `${text}\nlog-level: nonsense\n`.replace(/^log-level: info\n/m, ''));
  try {
    await run(process.execPath, [join(checkout, role, 'bin', `iovisor-${role}.js`), '--config', file]);
    return 'started';
  } catch (error) {
    return (error as { stderr: string }).stderr.trim();
  } finally {
    rmSync(work, { recursive: true });
  }
}

withAnsible('the agent takes its template, with few variables and with many', async (t) => {
  const few = await render('agent', {});
  t.regex(few, /^hover: 127\.0\.0\.1:5002$/m);
  const many = await render('agent', {
    agent_coordinators: ['192.0.2.1:6650', '192.0.2.2:6650'],
    agent_metrics: '127.0.0.1:9476',
    agent_insecure_plaintext: true,
    agent_extra_config: { hook: 'clsact' },
  });
  t.regex(many, /^coordinator: 192\.0\.2\.1:6650,192\.0\.2\.2:6650$/m);
  for (const text of [few, many]) t.regex(await refusal('agent', text), /log-level: "nonsense" is none of/);
});

withAnsible('the coordinator takes its template, with few variables and with many', async (t) => {
  const few = await render('coordinator', {});
  const many = await render('coordinator', {
    coordinator_nb: 'tcp:192.0.2.1:6641,tcp:192.0.2.2:6641',
    coordinator_listen: ['unix:/run/x.sock', '0.0.0.0:6650'],
    coordinator_metrics: '127.0.0.1:9475',
    coordinator_insecure_listen_plaintext: true,
  });
  t.regex(many, /^listen: unix:\/run\/x\.sock,0\.0\.0\.0:6650$/m);
  for (const text of [few, many])
    t.regex(await refusal('coordinator', text), /log-level: "nonsense" is none of/);
});

/** What `iovctl health` says with this configuration file. */
async function iovctlSays(text: string): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'iovisor-ansible-'));
  const file = join(work, 'iovctl.yaml');
  writeFileSync(file, text);
  try {
    await run(process.execPath, [join(checkout, 'coordinator/bin/iovctl.js'), '--config', file, 'health']);
    return 'healthy';
  } catch (error) {
    return (error as { stderr: string }).stderr.trim();
  } finally {
    rmSync(work, { recursive: true });
  }
}

withAnsible('iovctl takes its template, with few variables and with many', async (t) => {
  const few = await render('iovctl', {});
  t.regex(few, /^coordinator: 127\.0\.0\.1:6650$/m);
  t.regex(await iovctlSays(few.replace('6650', '1')), /no coordinator answers at 127\.0\.0\.1:1/);
  const many = await render('iovctl', {
    iovctl_coordinator: '192.0.2.1:6650',
    iovisor_pki_directory: '/nowhere',
    iovctl_insecure_plaintext: true,
    iovctl_extra_config: { 'tls-server-name': 'coordinator' },
  });
  t.regex(await iovctlSays(many), /^iovctl: tls-cert: \/etc\/iovisor\/pki\/iovctl-cert\.pem: ENOENT/);
  const socket = await render('iovctl', {
    iovctl_coordinator: 'unix:/nowhere.sock',
    iovisor_pki_directory: '/nowhere',
  });
  t.notRegex(socket, /tls/, 'a unix socket wants no certificate');
  t.regex(await iovctlSays(socket), /no coordinator answers at unix:\/nowhere\.sock/);
});
