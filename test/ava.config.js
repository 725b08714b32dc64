/** The longest first: begun last, they would run alone at the end, with a core idle. */
const longest = ['/vm/debianKernel', '/vm/machine', '/overlay/matrix', '/faults/'];

const rank = (file) => {
  const found = longest.findIndex((part) => file.includes(part));
  return found === -1 ? longest.length : found;
};

export default {
  files: ['dist/**/*.test.js'],
  timeout: '90s',
  workerThreads: false,
  // A lab waits as often as it works: three of them keep two cores busy.
  concurrency: 3,
  sortTestFiles: (a, b) => rank(a) - rank(b) || (a < b ? -1 : 1),
};
