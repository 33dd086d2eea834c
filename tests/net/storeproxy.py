#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""storeproxy.py - between a program and its store: logs what it asks, refuses some

   storeproxy.py SOCKET STORE ORDERS LOG

Serves at SOCKET what the store at STORE serves, one connection after the other. The
file ORDERS is read at each connection: "ID HOW ERROR". A number as HOW refuses
the request of that number, "write" each that writes or makes a node, "new" each that
makes one whose name ends in hotplug-error, "none" none; another ID counts from one
again. Lines of LOG: number, kind, and what of the request is text.
"""
import os
import socket
import struct
import sys

HEAD = struct.Struct("=IIII")  # type, request, transaction, length
ERROR, WRITE, MKDIR, WATCH_EVENT = 16, 11, 12, 15
KINDS = {1: "directory", 2: "read", 6: "start", 7: "end", 11: "write",
         12: "mkdir", 13: "rm"}


def whole(sock, n):
    got = b""
    while len(got) < n:
        more = sock.recv(n - len(got))
        if not more:
            return None
        got += more
    return got


def message(sock):
    head = whole(sock, HEAD.size)
    if head is None:
        return None
    body = whole(sock, HEAD.unpack(head)[3])
    return None if body is None else (HEAD.unpack(head), head + body)


class Orders:
    def __init__(self, path):
        self.path, self.id, self.n = path, None, 0
        self.how, self.error = "none", ""

    def read(self):
        ident, self.how, self.error = open(self.path).read().split()
        if ident != self.id:
            self.id, self.n = ident, 0

    def refused(self, kind, text):
        self.n += 1
        if self.how == "write":
            return kind in (WRITE, MKDIR)
        if self.how == "new":
            return kind == WRITE and text[0].endswith("hotplug-error")
        return self.how == str(self.n)


def serve(client, store, orders, log):
    while True:
        asked = message(client)
        if asked is None:
            return
        (kind, request, tx, _), whole_message = asked
        text = whole_message[HEAD.size:].decode("latin-1").split("\0")
        no = orders.refused(kind, text)
        log.write(f"{orders.n} {KINDS.get(kind, kind)} {' '.join(text)}"
                  f"{' REFUSED' if no else ''}\n")
        if no:
            why = orders.error.encode() + b"\0"
            client.sendall(HEAD.pack(ERROR, request, tx, len(why)) + why)
            continue
        store.sendall(whole_message)
        while True:
            said = message(store)
            if said is None:
                return
            client.sendall(said[1])
            if said[0][0] != WATCH_EVENT:
                break


def main():
    at, real, path, log_path = sys.argv[1:]
    door = socket.socket(socket.AF_UNIX)
    door.bind(at + ".new")
    door.listen(8)
    os.rename(at + ".new", at)
    orders = Orders(path)
    with open(log_path, "a", buffering=1) as log:
        while True:
            client, _ = door.accept()
            store = socket.socket(socket.AF_UNIX)
            store.connect(real)
            orders.read()
            serve(client, store, orders, log)
            client.close()
            store.close()


main()
