#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""compile-commands.py - from `make -Bnw V=1` on stdin to a compilation database

One entry per compiler call with -c, as clangd and clang-tidy read them.
"""
import json
import os
import re
import shlex
import sys

COMMENT = ("@", "+", "-")


def main():
    entries = []
    for line in sys.stdin:
        line = line.strip().lstrip("".join(COMMENT))
        if not re.search(r"\s-c\s", line):
            continue
        try:
            words = shlex.split(line)
        except ValueError:  # a shell construct, not a compiler call
            continue
        if "-c" not in words or not words[words.index("-c") + 1].endswith(".c"):
            continue
        entries.append({"directory": os.getcwd(), "arguments": words,
                        "file": words[words.index("-c") + 1]})
    json.dump(entries, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
