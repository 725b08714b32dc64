// A Debian machine: systemd as process 1 in a container of systemd-nspawn, on a copy-on-write root, reached by ssh.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { command, until } from './command.mjs';

/** nspawn forbids bpf(2) and makes /sys read-only; a hypervisor has both. */
const environment = { SYSTEMD_SECCOMP: '0', SYSTEMD_NSPAWN_API_VFS_WRITABLE: '1' };

function reachable(host, port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: 1000 }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', reject).once('timeout', () => socket.destroy(new Error('no answer')));
  });
}

export class Machine {
  #container;
  #leader;

  /** `site` has the directory, the bridges and the key. `address` is that for ssh, `units` are enabled before the first boot. */
  constructor(site, name, address, units) {
    this.site = site;
    this.name = name;
    this.address = address;
    this.units = units;
    this.directory = join(site.directory, name);
    this.root = join(this.directory, 'root');
    this.uplink = `${site.prefix}-${name}`;
  }

  /** Lays the root; the machine is still off. */
  async create() {
    for (const part of ['root', 'upper', 'work']) mkdirSync(join(this.directory, part), { recursive: true });
    const layers = `lowerdir=${this.site.image},upperdir=${this.directory}/upper,workdir=${this.directory}/work`;
    await command(['mount', '-t', 'overlay', 'overlay', '-o', layers, this.root]);
    this.write('etc/hostname', `${this.name}\n`);
    this.write('etc/hosts', `127.0.0.1 localhost\n${this.address} ${this.name}\n`);
    this.write(
      'etc/systemd/network/10-host0.network',
      `[Match]\nName=host0\n[Network]\nAddress=${this.address}/24\nLinkLocalAddressing=no\nLLDP=no\n`,
    );
    this.write(
      'etc/systemd/system/bpffs.service',
      `# On hardware systemd does this by itself.
[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=mount -t bpf bpf /sys/fs/bpf
`,
    );
    await command(['mkdir', '-p', `${this.root}/etc/systemd/system/sysinit.target.wants`]);
    const enabled = `${this.root}/etc/systemd/system/sysinit.target.wants/bpffs.service`;
    await command(['ln', '-sf', '/etc/systemd/system/bpffs.service', enabled]);
    this.write('root/.ssh/authorized_keys', this.site.publicKey, 0o600);
    const wants = `${this.root}/etc/systemd/system/multi-user.target.wants`;
    for (const unit of this.units)
      await command(['ln', '-sf', `/lib/systemd/system/${unit}.service`, `${wants}/${unit}.service`]);
  }

  write(path, content, mode = 0o644) {
    const file = join(this.root, path);
    mkdirSync(join(file, '..'), { recursive: true, mode: 0o755 });
    writeFileSync(file, content, { mode });
  }

  /** Boots; resolves when sshd answers. */
  async boot() {
    const log = openSync(join(this.directory, 'console.log'), 'a');
    const argv = [
      ...['--quiet', '--register=no', '--keep-unit', '--boot', `--directory=${this.root}`],
      ...[`--machine=${this.name}`, '--capability=all', '--link-journal=no', '--console=pipe'],
      // A container's /sys has no fs/bpf.
      ...[
        '--tmpfs=/sys/fs/bpf',
        '--resolv-conf=off',
        '--timezone=off',
        `--network-bridge=${this.site.management}`,
      ],
      `--network-veth-extra=${this.uplink}:uplink`,
    ];
    // Each machine below a control group of its own: otherwise the services of all would share theirs, and be stopped together.
    for (const group of this.#groups) mkdirSync(group, { recursive: true });
    const enter = this.#groups.map((group) => `echo $$ > ${group}/cgroup.procs; `).join('');
    this.#container = spawn('sh', ['-c', `${enter}exec systemd-nspawn "$@"`, 'sh', ...argv], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', log, log],
    });
    await until(`process 1 of ${this.name}`, async () => this.#findLeader());
    await command(['ip', 'link', 'set', this.uplink, 'mtu', '1600', 'master', this.site.underlay, 'up']);
    await this.run('ip', 'link', 'set', 'uplink', 'mtu', '1600', 'up');
    await until(`${this.name} booted`, () =>
      this.run('systemctl', 'is-active', 'multi-user.target').then((text) => text.trim() === 'active'),
    );
    await until(`ssh of ${this.name}`, () => reachable(this.address, 22));
  }

  #findLeader() {
    const { pid, exitCode } = this.#container;
    const console = () => readFileSync(join(this.directory, 'console.log'), 'utf8').slice(-2000);
    if (exitCode !== null) throw new Error(`systemd-nspawn of ${this.name} has ended: ${console()}`);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    const leader = children.find((child) => readFileSync(`/proc/${child}/comm`, 'utf8') === 'systemd\n');
    if (leader === undefined) return false;
    this.#leader = leader;
    this.write('../leader', leader);
    return true;
  }

  /** One a hierarchy: a host may have control groups of version 2, or of both. */
  get #groups() {
    return ['/sys/fs/cgroup', '/sys/fs/cgroup/unified', '/sys/fs/cgroup/systemd']
      .filter((hierarchy) => existsSync(join(hierarchy, 'cgroup.procs')))
      .map((hierarchy) => join(hierarchy, `${this.site.prefix}-${this.name}`));
  }

  /** Argument vector that runs what follows inside, in all namespaces of the machine, with its files. */
  get prefix() {
    return ['nsenter', '--target', this.#leader, '--mount', '--uts', '--ipc', '--net', '--pid', '--'];
  }

  run(...argv) {
    return command([...this.prefix, ...argv]);
  }

  sh(script) {
    return this.run('sh', '-ec', script);
  }

  /** Off, at once, and nothing left of it. */
  async stop() {
    await this.#kill();
    await command(['umount', '--lazy', this.root]).catch(() => undefined);
    await command(['ip', 'link', 'delete', this.uplink]).catch(() => undefined);
    for (const group of this.#groups)
      if (existsSync(group)) await command(['find', group, '-depth', '-type', 'd', '-delete']).catch(() => 0);
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** With its process 1 every process of the machine ends, then systemd-nspawn. */
  async #kill() {
    const container = this.#container;
    if (container === undefined) return void this.#killLeftover();
    if (container.exitCode !== null || container.signalCode !== null) return;
    const ended = new Promise((resolve) => container.once('exit', resolve));
    if (this.#leader === undefined) container.kill('SIGTERM');
    else process.kill(Number(this.#leader), 'SIGKILL');
    await ended;
  }

  /** That of a run that was killed: its leader is known from a file, and is it only if it still has our root. */
  #killLeftover() {
    const file = join(this.directory, 'leader');
    const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
    if (
      pid > 1 &&
      existsSync(`/proc/${pid}`) &&
      readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`/${this.site.prefix}-${this.name}/`)
    )
      process.kill(pid, 'SIGKILL');
  }

  async reboot() {
    await this.#kill();
    await this.boot();
  }
}
