export { Central, type CentralOptions, type CentralServer, startCentral } from './central.js';
export { Daemon, type DaemonOptions } from './daemon.js';
