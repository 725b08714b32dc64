import { credentials, Metadata } from '@grpc/grpc-js';
import { AdminClient } from '@iovisor-ovn/proto';
import { Coordinator, type Lab, type LabProcess, until } from '../lab/index.js';

const ANSWER_MS = 1000;

/** A leader and a standby, and whoever of them is which. */
export class Coordinators {
  readonly all: readonly Coordinator[];
  readonly #watch: (process: LabProcess) => void;
  readonly #end: (process: LabProcess, signal: NodeJS.Signals) => Promise<void>;

  constructor(
    lab: Lab,
    /** Called for each process that is started: that it ends by itself must not be. */
    watch: (process: LabProcess) => void,
    end: (process: LabProcess, signal: NodeJS.Signals) => Promise<void>,
  ) {
    const { central, registry } = lab;
    this.#watch = watch;
    this.#end = end;
    this.all = ['coordinator', 'standby'].map(
      (name) => new Coordinator({ central, registry, name, outlive: false }),
    );
  }

  spawn(which: number): void {
    this.#watch(this.all[which]!.spawn());
  }

  async end(which: number, signal: NodeJS.Signals): Promise<void> {
    const { process } = this.all[which]!;
    if (process) await this.#end(process, signal);
  }

  signal(which: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.all[which]!.process?.signal(signal);
  }

  /** Who says that it leads: one or none of them, if all is well. */
  async leaders(): Promise<number[]> {
    const answers = await Promise.all(this.all.map(({ address }) => leads(address)));
    return answers.flatMap((answer, which) => (answer ? [which] : []));
  }

  /** Waits until there is one. */
  leader(): Promise<number> {
    return until(
      'a coordinator leads',
      async () => (await this.leaders()).map((n) => [n]).at(0),
      60_000,
    ).then(([which]) => which!);
  }
}

/** false, too, for one that is away or does not answer. */
function leads(address: string): Promise<boolean> {
  const client = new AdminClient(address, credentials.createInsecure());
  const options = { deadline: Date.now() + ANSWER_MS };
  return new Promise((resolve) => {
    client.getStatus({}, new Metadata(), options, (error, status) => {
      client.close();
      resolve(!error && status.leader);
    });
  });
}
