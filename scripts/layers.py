#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""layers.py - hold every #include against scripts/layers.txt

   layers.py RULES FILE ..

Prints one line per finding, file:line first. Exit status 1 if there was one.
"""
import os
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')
GENERATED = "build/gen/"  # headers made by the Makefile belong to their user


def read_rules(path):
    """Returns rooms {path: name}, arrows {room: set}, outside [(prefix, set)]."""
    rooms, arrows, outside = {}, {}, []
    for number, line in enumerate(open(path), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        word, rest = line.split(None, 1)
        if word == "room":
            name, paths = rest.split(":")
            arrows.setdefault(name.strip(), set())
            rooms.update({p: name.strip() for p in paths.split()})
        elif word == "arrow":
            name, to = rest.split("->")
            arrows.setdefault(name.strip(), set()).update(to.split())
        elif word == "outside":
            prefix, to = rest.split(":")
            outside.append((prefix.lstrip("<"), set(to.split())))
        else:
            sys.exit(f"{path}:{number}: room, arrow or outside, not {word}")
    return rooms, arrows, outside


def room_of(rooms, path):
    if path in rooms:
        return rooms[path]
    return next((r for p, r in rooms.items()
                 if p.endswith("/") and path.startswith(p)), None)


def resolve(source, name):
    """The file in the tree that the compiler would take, or None."""
    for folder in (os.path.dirname(source), "include", "netback", "."):
        path = os.path.normpath(os.path.join(folder, name))
        if os.path.exists(path):
            return path
    return None


def includes(path):
    for number, line in enumerate(open(path, errors="replace"), 1):
        m = INCLUDE.match(line)
        if m:
            yield number, m[1] == "<", m[2]


def circle(graph):
    """One circle as a list of nodes, or None."""
    done = set()

    def walk(node, trail):
        if node in trail:
            return trail[trail.index(node):] + [node]
        if node in done:
            return None
        done.add(node)
        for to in sorted(graph.get(node, ())):
            found = walk(to, trail + [node])
            if found:
                return found
        return None

    for start in sorted(graph):
        found = walk(start, [])
        if found:
            return found
    return None


def main(rules, files):
    rooms, arrows, outside = read_rules(rules)
    bad = []
    graph = {}
    for path in files:
        room = room_of(rooms, path)
        if room is None:
            bad.append(f"{path}:1: belongs to no room of {rules}")
            continue
        for number, system, name in includes(path):
            where = f"{path}:{number}: "
            for prefix, owners in outside:
                if (system and name.startswith(prefix) and room != "tests"
                        and room not in owners):
                    bad.append(f"{where}<{name}> is for {' '.join(owners)}, "
                               f"not for {room}")
            if system:
                continue
            to = resolve(path, name)
            if to is None:
                if not os.path.exists(GENERATED + name):
                    bad.append(f"{where}\"{name}\" is nowhere in the tree")
                continue
            if to.endswith(".c"):
                bad.append(f"{where}includes a .c file")
            graph.setdefault(path, set()).add(to)
            target = room_of(rooms, to)
            if target != room and target not in arrows[room]:
                bad.append(f"{where}no arrow {room} -> {target} ({to})")
    rooms_only = {a: b - {a} for a, b in arrows.items()}
    for what, g in (("include", graph), ("arrow", rooms_only)):
        found = circle(g)
        if found:
            bad.append(f"{found[0]}:1: circle of {what}s: {' -> '.join(found)}")
    print("\n".join(bad), end="\n" if bad else "")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
