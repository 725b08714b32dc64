import { type CommandOptions, type CommandResult, command, tryCommand } from './command.js';
import type { Registry } from './registry.js';

/** A named network namespace, as `ip netns` makes them. */
export class Netns {
  private constructor(readonly name: string) {}

  static async create(name: string, registry: Registry): Promise<Netns> {
    registry.note({ kind: 'netns', name });
    await command(['ip', 'netns', 'add', name]);
    const netns = new Netns(name);
    await netns.exec('ip', 'link', 'set', 'lo', 'up');
    return netns;
  }

  get path(): string {
    return `/run/netns/${this.name}`;
  }

  /**
   * Put before a command line to run it inside. nsenter, not `ip netns exec`: that one mounts a new /sys, in which there
   * is no bpffs.
   */
  get prefix(): readonly string[] {
    return ['nsenter', `--net=${this.path}`, '--'];
  }

  exec(...argv: string[]): Promise<string> {
    return command([...this.prefix, ...argv]);
  }

  try(argv: readonly string[], o: CommandOptions = {}): Promise<CommandResult> {
    return tryCommand([...this.prefix, ...argv], o);
  }

  /** Several ip(8) commands in one process: "link set eth0 up". */
  async ip(...lines: string[]): Promise<void> {
    await command([...this.prefix, 'ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  /** Kernel settings of this namespace: { 'net.ipv4.ip_forward': 1 }. */
  async sysctl(settings: Record<string, string | number>): Promise<void> {
    const pairs = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
    await this.exec('sysctl', '-qw', ...pairs);
  }
}
