/** A small database with a column of each kind. */
export const TEST_SCHEMA = {
  name: 'Test',
  version: '1.0.0',
  tables: {
    Item: {
      columns: {
        name: { type: { key: { type: 'string', minLength: 1 } } },
        count: { type: 'integer' },
        weight: { type: 'real' },
        on: { type: 'boolean' },
        note: { type: { key: 'string', min: 0, max: 1 } },
        level: { type: { key: { type: 'integer', minInteger: 0, maxInteger: 9 }, min: 0, max: 1 } },
        tags: { type: { key: 'string', min: 0, max: 'unlimited' } },
        numbers: { type: { key: 'integer', min: 0, max: 'unlimited' } },
        options: { type: { key: 'string', value: 'string', min: 0, max: 'unlimited' } },
        one: { type: { key: 'string', value: 'integer', min: 0, max: 1 } },
        color: { type: { key: { type: 'string', enum: ['set', ['', 'red', 'green']] } } },
        friends: {
          type: { key: { type: 'uuid', refTable: 'Item', refType: 'weak' }, min: 0, max: 'unlimited' },
        },
        parts: { type: { key: { type: 'uuid', refTable: 'Part' }, min: 0, max: 'unlimited' } },
      },
      indexes: [['name']],
      isRoot: true,
    },
    Part: { columns: { label: { type: 'string' } } },
  },
};

export interface Item {
  readonly _uuid: string;
  readonly name: string;
  readonly count: number;
  readonly weight: number;
  readonly on: boolean;
  readonly note: string | undefined;
  readonly level: number | undefined;
  readonly tags: readonly string[];
  readonly numbers: readonly number[];
  readonly options: ReadonlyMap<string, string>;
  readonly one: ReadonlyMap<string, number>;
  readonly color: '' | 'red' | 'green';
  readonly friends: readonly string[];
  readonly parts: readonly string[];
}

export interface Part {
  readonly _uuid: string;
  readonly label: string;
}

export interface TestTables {
  Item: Item;
  Part: Part;
}
