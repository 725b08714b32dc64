/** What may differ without anybody minding: logs, caches, databases of dpkg and Open vSwitch, Ansible's own. */
const ignored = [
  /^\/var\/(log|cache|tmp)\//,
  /^\/var\/lib\/(apt|dpkg|systemd|openvswitch|ovn)\//,
  /^\/(tmp|run|proc|sys|dev)\//,
  /^\/etc\/(passwd|shadow|group|gshadow|subuid|subgid)-?$/,
  /^\/etc\/openvswitch\//,
  /^\/etc\/ld\.so\.cache$/,
  /^\/root\/\.ansible\//,
  /^\/usr\/lib\/python3.*__pycache__/,
];

/** Every file of a machine. */
export async function listing(machine) {
  const found = await machine.sh('find / -xdev ! -type d');
  return new Set(found.split('\n').filter((path) => path && !ignored.some((pattern) => pattern.test(path))));
}

/** Files that were not there `before`, units, pins, programs and devices of ours. */
export async function leftovers(machine, before) {
  const files = [...(await listing(machine))].filter((path) => !before.has(path));
  const more =
    await machine.sh(`systemctl list-units --all --plain --no-legend '*iovisor*' | awk '{print "unit " $1}'
    systemctl list-unit-files --no-legend '*iovisor*' | awk '{print "unit file " $1}'
    find /sys/fs/bpf -mindepth 1 ! -name '*.debug' | sed 's/^/pin /'
    ip -o link | grep -E 'iov[a-z]|alias iovisor' | awk '{print "device " $2}' || true
    for device in $(ls /sys/class/net); do tc filter show dev $device ingress 2>/dev/null | grep -o 'iov[a-z_]*' || true; done
    pgrep -f 'iovisor-(agent|coordinator)' | sed 's/^/process /' || true
    find / -xdev -path '*iovisor*' ! -path '/var/log/*' ! -path '/var/cache/*' ! -path '/proc/*' ! -path '/tmp/*' ! -path '/var/lib/systemd/*' || true
    ovs-vsctl --no-wait list Open_vSwitch 2>/dev/null | grep -o 'iovisor-[a-z]*' || true`);
  return [...files, ...more.split('\n').filter(Boolean)];
}
