import { Arena } from './arena.js';
import { fuzz } from './fuzz.js';
import { parseOptions, usage } from './options.js';
import { failureText, summaryText } from './report.js';
import { runTargets } from './runTargets.js';

const options = parseOptions(process.argv.slice(2));
if (typeof options === 'string') {
  console.error(options === '' ? usage : `fuzz: ${options}\n${usage}`);
  process.exit(2);
}
if (process.getuid?.() !== 0) {
  console.error('fuzz: must run as root: it makes network namespaces and loads BPF programs');
  process.exit(2);
}

if (options.targets.length > 0) process.exit(await runTargets(options));

const arena = await Arena.open(options.encap);
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    interrupted = true;
  });
try {
  console.log(`seed ${options.seed}, ${options.packets} packets`);
  const summary = await fuzz(arena, {
    ...options,
    stop: () => interrupted,
    onFailure: (failure) => console.log(failureText(failure, options)),
    onProgress: (text) => process.stderr.isTTY && process.stderr.write(`\r${text} `),
  });
  if (process.stderr.isTTY) process.stderr.write('\r');
  console.log(summaryText(summary));
  process.exitCode = summary.failures.length > 0 || interrupted ? 1 : 0;
} finally {
  await arena.close();
}
