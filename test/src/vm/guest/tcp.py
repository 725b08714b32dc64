#!/usr/bin/env python3
"""TCP with a content that a lost, doubled or swapped piece would change.

tcp.py serve PORT             takes what clients send and answers each with "BYTES SHA256"
tcp.py send HOST PORT BYTES…  one connection for each number of bytes, one after the other; prints "BYTES SHA256 ANSWER"
"""
import hashlib
import socket
import sys
import time
from array import array

PIECE = 1 << 16


def serve(port):
    with socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        while True:
            connection, _ = server.accept()
            with connection:
                seen, size = hashlib.sha256(), 0
                while piece := connection.recv(PIECE):
                    seen.update(piece)
                    size += len(piece)
                connection.sendall(f"{size} {seen.hexdigest()}".encode())


def connect(host, port):
    """The server may still be starting."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection((host, port), timeout=20)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def send(host, port, size):
    sent = hashlib.sha256()
    with connect(host, port) as connection:
        for start in range(0, size, PIECE):
            length = min(PIECE, size - start)
            piece = array("I", range(start, start + length, 4)).tobytes()[:length]
            sent.update(piece)
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(PIECE), b""))
    print(size, sent.hexdigest(), answer.decode(), flush=True)


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    for argument in sys.argv[4:]:
        send(sys.argv[2], int(sys.argv[3]), int(argument))
