// What `npm test` runs after the set-up: every workspace's tests, then those in test/ that need more than one room.
// The last line is the sum over all runs: `N passed, N failed`. Arguments: workspaces to run instead of all.
import { hasTests, runAva } from './lib/ava.mjs';
import { seconds } from './lib/progress.mjs';
import { workspaces } from './lib/root.mjs';

const start = performance.now();
const asked = process.argv.slice(2);
const sum = { passed: 0, failed: 0, skipped: 0 };
const failures = [];

for (const workspace of workspaces.filter((w) => hasTests(w) && (asked.length === 0 || asked.includes(w)))) {
  const began = performance.now();
  console.log(`\n${workspace}`);
  const counts = await runAva(workspace, (test) => {
    console.log(`  ${test.skipped ? '–' : test.ok ? '✔' : '✘'} ${test.title}`);
    if (test.ok || test.skipped) return;
    for (const line of test.details) console.log(`    ${line}`);
    failures.push({ title: `${workspace}: ${test.title}`, details: test.details });
  });
  console.log(`  ${counts.passed} passed, ${counts.failed} failed in ${seconds(began)}`);
  for (const key of Object.keys(sum)) sum[key] += counts[key];
}

console.log(`\nAll tests: ${seconds(start)}${sum.skipped ? `, ${sum.skipped} skipped` : ''}`);
// Again at the end, where people and CI look first, and with the reason: what stands above may be cut off.
for (const { title, details } of failures) {
  console.log(`✘ ${title}`);
  for (const line of details.slice(0, 40)) console.log(`    ${line}`);
}
console.log(`${sum.passed} passed, ${sum.failed} failed`);
process.exitCode = sum.failed === 0 && sum.passed > 0 ? 0 : 1;
