#!/usr/bin/env python3
"""Sends and receives raw frames on every device of the network namespace it runs in, until its stdin ends.

in:  DEVICE HEX            send the frame, in the order of the lines
out: DEVICE HEX            a frame came in at the device (VLAN tags that the kernel took out are put back)
     ready                 once, when everything from now on is seen
     ! TEXT                the kernel lost a frame on the way to us: nothing that follows can be trusted

One process on one CPU: what it sends first enters the kernel's queues first.
"""
import os
import selectors
import socket
import struct
import sys

ETH_P_ALL = 3
SOL_PACKET, PACKET_STATISTICS, PACKET_AUXDATA = 263, 6, 8
PACKET_OUTGOING = 4
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 0x10, 0x40
# struct tpacket_auxdata: status, len, snaplen, mac, net, vlan_tci, vlan_tpid
AUXDATA = struct.Struct("=IIIHHHH")

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
wire.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
wire.setblocking(False)
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)


def tagged(frame, ancillary):
    for level, kind, data in ancillary:
        if level != SOL_PACKET or kind != PACKET_AUXDATA:
            continue
        status, _, _, _, _, tci, tpid = AUXDATA.unpack(data[: AUXDATA.size])
        if status & TP_STATUS_VLAN_VALID:
            tpid = tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
            return frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]
    return frame


def lost():
    """Frames that did not fit into the socket since the last call."""
    return struct.unpack("=II", wire.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]


def receive():
    lines = []
    while True:
        try:
            frame, ancillary, _, address = wire.recvmsg(65536, 256)
        except BlockingIOError:
            break
        if address[2] != PACKET_OUTGOING:
            lines.append(f"{address[0]} {tagged(frame, ancillary).hex()}\n")
    if (count := lost()) > 0:
        lines.append(f"! the capturing socket lost {count} frames\n")
    if lines:
        os.write(1, "".join(lines).encode())


selector = selectors.DefaultSelector()
selector.register(wire, selectors.EVENT_READ)
selector.register(0, selectors.EVENT_READ)
os.write(1, b"ready\n")
rest = b""
while True:
    ready = {key.fileobj for key, _ in selector.select()}
    if wire in ready:
        receive()
    if 0 in ready:
        chunk = os.read(0, 1 << 16)
        if not chunk:
            sys.exit(0)
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            device, frame = line.decode().split(" ")
            sender.sendto(bytes.fromhex(frame), (device, 0))
