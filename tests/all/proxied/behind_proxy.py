"""Runs a script as if a proxy made its connections: each begins with the header in the first word."""

import runpy
import socket
import sys

HEADER = bytes.fromhex(sys.argv[1])
sys.argv = sys.argv[2:]
connect = socket.create_connection


def connected(*args, **named):
    tcp = connect(*args, **named)
    tcp.sendall(HEADER)
    return tcp


socket.create_connection = connected
runpy.run_path(sys.argv[0], run_name="__main__")
