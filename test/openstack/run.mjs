// A real Neutron server over two of our hypervisors: installs what it needs, builds, runs. As root.
import '../../setup/setup.mjs';
import { ensureDebianPackages } from '../../setup/lib/debian.mjs';
import { fail, step } from '../../setup/lib/progress.mjs';

const packages = ['neutron-server', 'mariadb-server-core', 'mariadb-client-core'];

await step('Neutron', (doing) => ensureDebianPackages(packages, doing)).catch(fail);
await import('../dist/openstack/main.js');
