/**
 * Feature flags that ovn-controller of the release with this Southbound schema publishes in Chassis.other_config. northd
 * asks all chassis: one that lacks a key makes it fall back for the whole cluster (reference/ovn.md §0.3). They promise
 * nothing this product does not keep: it reads no logical flows, and `port-up-notif` is what it does.
 */
export function chassisFeatures(schemaVersion: string): ReadonlyMap<string, string> {
  const features = [
    'port-up-notif',
    'ct-no-masked-label',
    'mac-binding-timestamp',
    'ovn-ct-lb-related',
    ...later.filter(([version]) => atLeast(schemaVersion, version)).map(([, key]) => key),
  ];
  return new Map(features.map((key) => [key, 'true']));
}

/** First Southbound schema version whose ovn-controller has the key. */
const later: readonly (readonly [version: string, key: string])[] = [
  ['20.28.0', 'fdb-timestamp'],
  ['20.28.0', 'ls-dpg-column'],
  ['20.31.0', 'ct-commit-nat-v2'],
  ['20.33.0', 'ct-commit-to-zone'],
  ['20.37.0', 'sample-with-registers'],
  ['20.37.0', 'ct-next-zone'],
  ['20.37.0', 'ct-label-flush'],
  ['21.1.0', 'ct-state-save'],
];

function atLeast(version: string, wanted: string): boolean {
  const a = version.split('.').map(Number);
  const b = wanted.split('.').map(Number);
  for (let i = 0; i < 3; i++) if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) > (b[i] ?? 0);
  return true;
}

/** Keys which ovn-controller always publishes, with the values it has when nothing is configured. */
export const stockOtherConfig: Readonly<Record<string, string>> = {
  'datapath-type': '',
  'iface-types': '',
  'is-interconn': 'false',
  'ovn-bridge-mappings': '',
  'ovn-chassis-mac-mappings': '',
  'ovn-cms-options': '',
  'ovn-enable-lflow-cache': 'true',
  'ovn-limit-lflow-cache': '',
  'ovn-memlimit-lflow-cache-kb': '',
  'ovn-monitor-all': 'false',
  'ovn-trim-limit-lflow-cache': '',
  'ovn-trim-timeout-ms': '',
  'ovn-trim-wmark-perc-lflow-cache': '',
};

/**
 * Keys that Neutron up to 2023.1 looks for in Chassis.external_ids, where ovn-controller of 22.09 and later no longer
 * puts them; mirrored there when they have a value, so that flat and VLAN ports bind with any Neutron.
 */
export const mirroredToExternalIds = ['ovn-bridge-mappings', 'ovn-cms-options'] as const;
