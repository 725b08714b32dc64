import test from 'ava';
import { initialModel, isBound, type Model } from './model.js';
import { Plan } from './plan.js';

const described = (seed: number, steps: number): string[] => {
  const plan = new Plan(seed, initialModel());
  return Array.from({ length: steps }, () =>
    plan
      .next()
      .map(({ afterMs, planned }) => `${afterMs} ${planned.what}`)
      .join(' · '),
  );
};

test('a seed says all that is done, and another seed something else', (t) => {
  t.deepEqual(described(7, 200), described(7, 200));
  t.notDeepEqual(described(7, 20), described(8, 20));
});

test('all kinds come; protected machines are left alone; nothing is touched twice at once', (t) => {
  const model = initialModel();
  const plan = new Plan(1, model);
  const guarded = (of: Model) => of.machines.filter(({ isProtected }) => isProtected);
  const before = JSON.stringify(guarded(model));
  const kinds = new Set<string>();
  for (let step = 0; step < 3000; step++) {
    const done = plan.next().map(({ planned }) => planned);
    t.true(done.length > 0);
    for (const { kind, concerns } of done) {
      kinds.add(kind);
      t.false(concerns.some((name) => model.machine(name).isProtected));
    }
    if (done.length > 1) {
      const uses = done.map((one) => new Set(one.uses));
      t.is(
        new Set(uses.flatMap((set) => [...set])).size,
        uses.reduce((sum, { size }) => sum + size, 0),
      );
      t.false(uses.some((set) => set.has('everything')));
    }
    for (const { network } of model.machines) t.true(network === undefined || model.networks.has(network));
  }
  t.is(JSON.stringify(guarded(model)), before);
  t.true(kinds.size >= 39, [...kinds].join());
  t.true(model.machines.some(isBound));
});
