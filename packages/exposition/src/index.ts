/** Prometheus' text exposition in slices. */
export { counter, type Family, gauge, type Sample } from './family.js';
export { Histogram } from './histogram.js';
export { type ListenAddress, type SecureOptions, serveMetrics } from './server.js';
export { lines } from './text.js';
