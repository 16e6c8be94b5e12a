"""Imported first, holds the program to this machine: it looks for no other and calls none."""

import ipaddress
import sys


def here(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in (None, "localhost")


def watch(event, args):
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg") and isinstance(args[1], tuple):
        host = args[1][0]
    else:
        return
    if isinstance(host, bytes):
        host = host.decode()
    if not here(host):
        raise PermissionError(f"{event}: {host} is another machine")


sys.addaudithook(watch)
