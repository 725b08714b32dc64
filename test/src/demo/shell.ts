import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, type Lab, program, tryCommand } from '../lab/index.js';

/** Runs command lines where a user would type them: as operator (""), on a hypervisor ("hv1"), in a machine ("vm1"). */
export class Shell {
  readonly #bin: string;

  constructor(private readonly lab: Lab) {
    this.#bin = join(lab.registry.dir, 'bin');
    mkdirSync(this.#bin);
    const iovctl = join(this.#bin, 'iovctl');
    writeFileSync(iovctl, `#!/bin/sh\nexec ${program('coordinator', 'iovctl').join(' ')} "$@"\n`);
    chmodSync(iovctl, 0o755);
  }

  /** Runs it through sh, so that what is printed is what was run. */
  run(where: string, line: string): Promise<CommandResult> {
    return tryCommand([...this.#prefix(where), 'sh', '-c', line], {
      env: { ...process.env, ...this.#env(where) },
    });
  }

  #prefix(where: string): readonly string[] {
    if (where === '') return [];
    const machine = this.lab.machines.get(where);
    return (machine ?? this.#hypervisor(where)).netns.prefix;
  }

  #hypervisor(name: string) {
    const hypervisor = this.lab.hypervisors.find((candidate) => candidate.name === name);
    if (!hypervisor) throw new Error(`nobody is called ${name} here`);
    return hypervisor;
  }

  #operatorEnv(): Record<string, string> {
    const { central, coordinator } = this.lab;
    return {
      PATH: `${this.#bin}:${process.env.PATH ?? ''}`,
      OVN_NB_DB: central.nb,
      OVN_SB_DB: central.sb,
      IOVISOR_COORDINATOR: coordinator.address,
    };
  }

  #env(where: string): Record<string, string> {
    const hypervisor = this.lab.hypervisors.find((candidate) => candidate.name === where);
    return hypervisor ? { OVS_RUNDIR: hypervisor.dir } : this.#operatorEnv();
  }

  /** Writes a file to `source` in a shell, in which the demo's commands work as printed; returns its path. */
  writeEnvironment(): string {
    const file = join(this.lab.registry.dir, 'env');
    const lines = Object.entries(this.#operatorEnv()).map(([key, value]) =>
      key === 'PATH' ? `export PATH="${this.#bin}:$PATH"` : `export ${key}='${value}'`,
    );
    for (const { name, netns, dir } of this.lab.hypervisors)
      lines.push(`${name}() { OVS_RUNDIR='${dir}' ${netns.prefix.join(' ')} "$@"; }`);
    for (const { name, netns } of this.lab.machines.values())
      lines.push(`${name}() { ${netns.prefix.join(' ')} "$@"; }`);
    writeFileSync(file, `${lines.join('\n')}\n`);
    return file;
  }
}
