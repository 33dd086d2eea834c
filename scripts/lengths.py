#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""lengths.py - functions of at most 60 lines, files of at most 700

   lengths.py FILE ..

Prints one line per finding. Excused by a comment that says why: one with the
words "long function:" right above it, "long file:" anywhere in the file.
Relies on the layout that clang-format gives: a function's body is a line "{"
to a line "}", both in the first column.
"""
import sys

FUNCTION = 60
FILE = 700


def name_of(lines, brace):
    """The signature's first line: the last one that starts in column 0."""
    for i in range(brace - 1, -1, -1):
        if lines[i][:1] not in ("", "\t", " "):
            return i, lines[i].strip()
    return brace, "?"


def excused(lines, first):
    """Is there a comment right above line `first` that says why?"""
    for i in range(first - 1, -1, -1):
        text = lines[i].strip()
        if not text or text == "}":
            return False
        if "long function:" in text:
            return True
    return False


def check(path):
    lines = open(path, errors="replace").read().split("\n")
    if len(lines) - 1 > FILE and not any("long file:" in s for s in lines):
        yield f"{path}:1: {len(lines) - 1} lines, more than {FILE}"
    if not path.endswith(".c"):
        return
    start = None
    for i, line in enumerate(lines):
        if line == "{":
            start = i
        elif line == "}" and start is not None:
            first, name = name_of(lines, start)
            n = i - start + 1
            if n > FUNCTION and not excused(lines, first):
                yield f"{path}:{first + 1}: {n} lines, more than {FUNCTION}: {name}"
            start = None


def main(files):
    bad = [text for path in files for text in check(path)]
    print("\n".join(bad), end="\n" if bad else "")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
