import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Daemon } from '@iovisor-ovn/coordinator/testing';
import { command } from '../lab/index.js';

/** A private MariaDB of Debian's packages, on a Unix socket only: Neutron's migrations do not run on SQLite. */
export class MariaDb {
  readonly #socket: string;
  readonly #server: Daemon;

  private constructor(dir: string) {
    this.#socket = join(dir, 'my.sock');
    this.#server = new Daemon({
      name: 'mariadbd',
      socket: this.#socket,
      env: process.env,
      argv: [
        ...['mariadbd', '--no-defaults', '--user=root', `--datadir=${join(dir, 'data')}`],
        ...[`--socket=${this.#socket}`, `--pid-file=${join(dir, 'my.pid')}`, '--skip-networking'],
        ...[`--log-error=${join(dir, 'my.log')}`, '--innodb-flush-log-at-trx-commit=0'],
      ],
    });
  }

  /** Makes and starts it, with an empty database `neutron` that the user of that name may use. */
  static async start(dir: string): Promise<MariaDb> {
    mkdirSync(dir, { recursive: true });
    await command([
      ...['mariadb-install-db', '--no-defaults', '--user=root', `--datadir=${join(dir, 'data')}`],
      ...['--auth-root-authentication-method=normal', '--skip-test-db'],
    ]);
    const database = new MariaDb(dir);
    await database.#server.start();
    await database.#sql(
      'CREATE DATABASE neutron CHARACTER SET utf8',
      "CREATE USER neutron@localhost IDENTIFIED BY 'neutron'",
      'GRANT ALL ON neutron.* TO neutron@localhost',
    );
    return database;
  }

  /** As SQLAlchemy wants it. */
  get url(): string {
    return `mysql+pymysql://neutron:neutron@localhost/neutron?unix_socket=${this.#socket}&charset=utf8`;
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  async #sql(...statements: string[]): Promise<void> {
    const client = ['mariadb', '--no-defaults', '--user=root', `--socket=${this.#socket}`];
    await command([...client, '--execute', statements.join('; ')]);
  }
}
