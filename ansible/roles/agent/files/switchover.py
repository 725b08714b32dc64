#!/usr/bin/env python3
"""Changes who forwards on this hypervisor: iovisor-agent instead of ovs-vswitchd and ovn-controller, or the other way round.

Runs on the hypervisor by itself, so that it ends well also when the connection to it goes by a bridge that is made anew. Taps stay.
Addresses and routes of bridges move to the bridge of the other side. When iovisor-agent does not forward all ports again in time,
Open vSwitch is put back.

Prints one JSON object; exit status 0: done, 1: it is as it was before, 2: neither works.
"""
import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

AGENT = "iovisor-agent.service"


def run(*argv, check=True, timeout=60):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=timeout, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def ip(*argv):
    return json.loads(run("ip", "-json", *argv, check=False) or "[]")


def rows(table, *columns):
    """Rows of the local Open_vSwitch database, maps as dicts."""
    text = run("ovs-vsctl", "--no-wait", "--format=json", f"--columns={','.join(columns)}", "list", table)
    answer = json.loads(text)
    return [dict(zip(answer["headings"], map(plain, row))) for row in answer["data"]]


def plain(value):
    return dict(value[1]) if isinstance(value, list) and value[0] == "map" else value


def log(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


class Device:
    """What the host has set on a device that vanishes with the switch that made it."""

    def __init__(self, name):
        self.name = name
        shown = ip("address", "show", "dev", name)
        found = [one for link in shown for one in link.get("addr_info", []) if one.get("scope") == "global"]
        self.mtu = next((link.get("mtu") for link in shown), None)
        self.addresses = [one for one in found if not one.get("dynamic") or one["family"] == "inet"]
        self.routes = [
            (family, route)
            for family in ("-4", "-6")
            for route in ip(family, "route", "show", "table", "all", "dev", name)
            if route.get("protocol") not in ("kernel", "ra") and route.get("type", "unicast") == "unicast"
        ]
        self.index = next((link.get("ifindex") for link in shown), None)

    @property
    def used(self):
        return bool(self.addresses or self.routes)

    def restored(self):
        """Puts it on the device of the same name that the other side has made; False: that is not there yet."""
        made = ip("link", "show", "dev", self.name)
        if not made:
            return False
        if made[0]["ifindex"] == self.index:
            return True
        run("ip", "link", "set", self.name, "up")
        if self.mtu and made[0].get("mtu") != self.mtu:
            run("ip", "link", "set", self.name, "mtu", str(self.mtu), check=False)
        for one in self.addresses:
            text = f"{one['local']}/{one['prefixlen']}"
            more = ["broadcast", one["broadcast"]] if "broadcast" in one else []
            if one["family"] == "inet6":
                more.append("nodad")
            if one.get("valid_life_time", 2**32 - 1) < 2**32 - 1:
                more += ["valid_lft", str(one["valid_life_time"]), "preferred_lft", str(one["preferred_life_time"])]
            run("ip", "address", "replace", text, "dev", self.name, *more)
        for family, route in self.routes:
            self.restore_route(family, route)
        return True

    def announce(self):
        """A gratuitous ARP each: neighbours would send to the MAC of the device that is gone until they ask again."""
        made = ip("link", "show", "dev", self.name)
        if not made or not made[0].get("address"):
            return
        mac = bytes.fromhex(made[0]["address"].replace(":", ""))
        for one in self.addresses:
            if one["family"] != "inet":
                continue
            address = socket.inet_aton(one["local"])
            frame = b"\xff" * 6 + mac + bytes.fromhex("0806" "0001" "0800" "0604" "0001") + mac + address + bytes(6) + address
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
                try:
                    raw.bind((self.name, 0))
                    raw.send(frame)
                except OSError as error:
                    log(f"no ARP on {self.name}: {error}")

    def restore_route(self, family, route):
        words = [route["dst"]]
        for key, word in (("gateway", "via"), ("prefsrc", "src"), ("metric", "metric"), ("table", "table"), ("protocol", "protocol")):
            if key in route:
                words += [word, str(route[key])]
        if "onlink" in route.get("flags", []):
            words.append("onlink")
        run("ip", family, "route", "replace", *words, "dev", self.name, check=False)


class Probe:
    """A ping for the whole time; tells the longest time without an answer."""

    interval = 0.02

    def __init__(self, text):
        self.netns, _, self.address = text.rpartition(",")
        inside = ["ip", "netns", "exec", self.netns] if self.netns else []
        self.ping = subprocess.Popen(
            [*inside, "ping", "-n", "-D", "-i", str(self.interval), "-W", "1", self.address],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True)

    def stop(self):
        self.ping.send_signal(signal.SIGINT)
        text = self.ping.communicate(timeout=10)[0]
        at = [float(one) for one in re.findall(r"^\[([\d.]+)\] \d+ bytes from", text, re.MULTILINE)]
        counts = re.search(r"(\d+) packets transmitted, (\d+) received", text)
        sent, received = (int(counts[1]), int(counts[2])) if counts else (0, 0)
        gaps = [after - before for before, after in zip(at, at[1:])]
        longest = max([gap - self.interval for gap in gaps] + [0.0])
        where = f"{self.netns}: {self.address}" if self.netns else self.address
        return {"target": where, "sent": sent, "lost": sent - received, "seconds": round(longest, 3) if at else None}


class Node:
    """What both directions need of this hypervisor."""

    def __init__(self, options):
        self.options = options
        settings = rows("Open_vSwitch", "external_ids")[0]["external_ids"]
        integration = settings.get("ovn-bridge", "br-int")
        interfaces = rows("Interface", "name", "type", "external_ids")
        bridges = [row["name"] for row in rows("Bridge", "name")]
        internal = [row["name"] for row in interfaces if row["type"] == "internal"]
        names = [name for name in dict.fromkeys(bridges + internal) if name != integration]
        self.devices = [device for device in map(Device, names) if device.index is not None]
        self.plugged = [row["name"] for row in interfaces if "iface-id" in row["external_ids"]]
        self.installed = {row["name"] for row in interfaces if row["external_ids"].get("ovn-installed") == "true"} & set(self.plugged)
        # Devices that the switch makes are made anew; all others are taps, which are not to be touched.
        self.controller = active("ovn-controller") or (active(AGENT) and enabled("ovn-host"))
        self.taps = {name: index for name in self.plugged if name not in internal and (index := ifindex(name)) is not None}

    def doubt(self):
        """Nobody has said yet that a port forwards under the one who comes now."""
        for name in self.plugged:
            for key in ("ovn-installed", "ovn-installed-ts"):
                run("ovs-vsctl", "--no-wait", "--if-exists", "remove", "Interface", name, "external_ids", key)

    def wait(self, also=lambda: True):
        """Until all ports that forwarded forward again, and addresses are back. What is missing then, or nothing."""
        end = time.monotonic() + self.options.timeout
        left = [device for device in self.devices if device.used]
        self.restored = len(left)
        announced = 0.0
        while True:
            # Again and again: the first may leave before the bridge forwards.
            if time.monotonic() - announced > 0.3:
                announced = time.monotonic()
                for device in self.devices:
                    if device.used and device not in left:
                        device.announce()
            left = [device for device in left if not device.restored()]
            again = {row["name"] for row in rows("Interface", "name", "external_ids") if row["external_ids"].get("ovn-installed") == "true"}
            missing = sorted(self.installed - again) + [device.name for device in left]
            if not missing:
                if also():
                    return []
                missing = ["the probe of iovisor-agent"]
            if time.monotonic() > end:
                return missing
            time.sleep(0.02)

    def kept(self):
        return sum(1 for name, index in self.taps.items() if ifindex(name) == index)


def ifindex(name):
    return next((link["ifindex"] for link in ip("link", "show", "dev", name)), None)


def active(unit):
    return run("systemctl", "is-active", unit, check=False).strip() == "active"


def enabled(unit):
    return run("systemctl", "is-enabled", unit, check=False).strip() == "enabled"


def serving(options):
    done = subprocess.run(["iovctl", "--coordinator", options.health, "health", "datapath"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, timeout=20, check=False)
    return done.returncode == 0


def stop_stock():
    # `--restart`: its rows in Southbound stay, the coordinator takes them over. By appctl, not by systemctl: that would stop
    # openvswitch-switch.service with it, and so the database.
    if active("ovn-controller"):
        run("ovn-appctl", "-t", "ovn-controller", "exit", "--restart", check=False)
        gone("ovn-controller")
    began = time.monotonic()
    if active("ovs-vswitchd"):
        # `--cleanup`: the taps that the user space datapath makes would outlive it.
        run("ovs-appctl", "-t", "ovs-vswitchd", "exit", "--cleanup", check=False)
        gone("ovs-vswitchd")
    datapaths = run("ovs-dpctl", "dump-dps", check=False).split() if os.path.isdir("/sys/module/openvswitch") else []
    for datapath in datapaths:
        run("ovs-dpctl", "del-dp", datapath)
    return began


def gone(unit):
    end = time.monotonic() + 20
    while run("systemctl", "is-active", unit, check=False).strip() in ("active", "deactivating", "activating"):
        if time.monotonic() > end:
            raise RuntimeError(f"{unit} does not end")
        time.sleep(0.02)


def to_iovisor(node):
    run("systemctl", "enable", AGENT)
    began = stop_stock()
    log("Open vSwitch has stopped")
    node.doubt()
    run("systemctl", "start", "--no-block", AGENT)
    missing = node.wait(lambda: serving(node.options))
    return began, missing


def to_stock(node):
    run("systemctl", "disable", AGENT, check=False)
    run("systemctl", "stop", AGENT)
    node.doubt()
    began = time.monotonic()
    run("iovisor-agent", "--config", node.options.config, "--cleanup")
    log("iovisor-agent has removed what it made")
    run("systemctl", "start", "ovs-vswitchd", timeout=120)
    if node.controller:
        run("systemctl", "start", "--no-block", "ovn-controller")
    return began, node.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("to", choices=["iovisor", "stock"])
    parser.add_argument("--timeout", type=float, default=60, help="seconds until all ports must forward again")
    parser.add_argument("--health", default="unix:/run/iovisor/agent.sock")
    parser.add_argument("--config", default="/etc/iovisor/agent.yaml")
    parser.add_argument("--probe", action="append", default=[], metavar="[NETNS,]ADDRESS", help="to ping meanwhile")
    options = parser.parse_args()
    node = Node(options)
    probes = [Probe(text) for text in options.probe]
    if probes:
        time.sleep(0.5)
    status, error = 0, None
    try:
        began, missing = (to_iovisor if options.to == "iovisor" else to_stock)(node)
        ended = time.monotonic()
        if missing:
            status, error = 2, f"not after {options.timeout:.0f} s: {', '.join(missing)}"
    except (RuntimeError, subprocess.SubprocessError) as failure:
        began = ended = time.monotonic()
        status, error = 2, str(failure)
    if status and options.to == "iovisor":
        log(f"{error}; going back to Open vSwitch")
        again = Node(options)
        again.controller, again.installed, again.devices = node.controller, node.installed, node.devices
        _, missing = to_stock(again)
        status = 2 if missing else 1
    for _ in range(3):
        for device in node.devices:
            device.announce()
        time.sleep(0.3)
    print(json.dumps({
        "to": options.to,
        "error": error,
        "backed_out": status == 1,
        "ports": len(node.installed),
        "taps": len(node.taps),
        "kept": node.kept(),
        "devices": getattr(node, "restored", 0),
        "seconds": round(ended - began, 3),
        "probes": [probe.stop() for probe in probes],
    }))
    return status


if __name__ == "__main__":
    sys.exit(main())
