// `npm run docs`: writes the generated pages under docs/ anew, from what was built last.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { metricsPage } from './lib/docs/metrics.mjs';
import { referencePage } from './lib/docs/reference.mjs';
import { fail, SetupError } from './lib/progress.mjs';
import { root } from './lib/root.mjs';

const built = async (file) => {
  const path = join(root, file);
  if (!existsSync(path)) throw new SetupError(`${file} is missing`, 'run `npm run build` first.');
  return import(pathToFileURL(path));
};

/** All generated pages: text by path in the checkout. */
export async function pages() {
  const { agentMetricDefinitions } = await built('agent/dist/metrics/definitions.js');
  const { coordinatorMetricDefinitions } = await built('coordinator/dist/metrics/definitions.js');
  const { processMetrics } = await built('packages/exposition/dist/process.js');
  const { OPTIONS } = await built('agent/dist/config/options.js');
  const { makeProgram } = await built('coordinator/dist/cli/program.js');
  const { referenceText } = await built('coordinator/dist/cli/reference/reference.js');
  const { configSetting, connectionSettings } = await built('coordinator/dist/cli/options.js');
  const protos = ['admin', 'report'].map((name) =>
    readFileSync(join(root, `proto/iovisor/v1/${name}.proto`), 'utf8'),
  );
  const { coordinatorSettings } = await built('coordinator/dist/config/coordinator-config.js');
  const metrics = {
    agent: agentMetricDefinitions,
    coordinator: coordinatorMetricDefinitions,
    process: Object.values(processMetrics),
  };
  return new Map([
    ['docs/metrics.md', metricsPage(metrics)],
    ['docs/iovctl.md', referenceText(makeProgram(), protos)],
    [
      'docs/reference.md',
      referencePage({
        agent: OPTIONS,
        coordinator: coordinatorSettings,
        iovctl: [...connectionSettings, configSetting],
      }),
    ],
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await pages()
    .then((all) => {
      for (const [path, text] of all) {
        writeFileSync(join(root, path), text);
        console.log(relative(process.cwd(), join(root, path)));
      }
    })
    .catch(fail);
