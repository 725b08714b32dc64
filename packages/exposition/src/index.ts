/** Prometheus' text exposition in slices. */
export { CertificateExpiry } from './certificates.js';
export { type Definitions, defineMetrics, family, type MetricDefinition, single } from './definition.js';
export { counter, type Family, gauge, type Sample } from './family.js';
export { Histogram } from './histogram.js';
export { ProcessMetrics, processMetrics } from './process.js';
export { type ListenAddress, type SecureOptions, serveMetrics } from './server.js';
export { lines } from './text.js';
