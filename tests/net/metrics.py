# SPDX-License-Identifier: GPL-2.0-or-later
# metrics.py - reads Prometheus' text format (0.0.4) on stdin, and is strict
"""metrics.py FAMILY{label="value",..}=NUMBER ..: each must be there (NUMBER "+":
more than 0). Written from the format's description, not from our printer."""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}


def labels(text):
    """k="v",.. with \\\\ \\" and \\n alone escaped."""
    out, at = [], 0
    while at < len(text):
        m = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"'
                       ).match(text, at)
        assert m, "labels: " + text[at:]
        out.append((m[1], re.sub(r"\\(.)", lambda e: "\n" if e[1] == "n"
                                 else e[1], m[2])))
        at = m.end()
        if at < len(text):
            assert text[at] == ",", "labels: " + text[at:]
            at += 1
    assert len(dict(out)) == len(out), "a label twice: " + text
    return tuple(sorted(out))


def parse(text):
    assert text.endswith("\n"), "no newline at the end"
    kinds, helps, seen, done, now = {}, set(), {}, set(), None
    for line in text[:-1].split("\n"):
        m = re.fullmatch(r"# (HELP|TYPE) (%s) (.*)" % NAME, line)
        if m:
            name = m[2]
            assert name not in done, name + ": its lines are not together"
            if now and now != name:
                done.add(now)
            now = name
            if m[1] == "HELP":
                assert name not in helps and m[3], line
                helps.add(name)
            else:
                assert name not in kinds and m[3] in TYPES, line
                kinds[name] = m[3]
            continue
        m = re.fullmatch(r"(%s)(?:\{(.*)\})? (-?[0-9.e+]+)" % NAME, line)
        assert m, "no line of the format: " + line
        assert m[1] == now and now in kinds and now in helps, line
        assert (kinds[now] == "counter") == now.endswith("_total"), line
        key = (m[1], labels(m[2] or ""))
        assert key not in seen, "twice: " + line
        seen[key] = float(m[3])
        assert kinds[now] != "counter" or seen[key] >= 0, line
    return seen


def main():
    seen = parse(sys.stdin.read())
    for want in sys.argv[1:]:
        m = re.fullmatch(r"(%s)(?:\{(.*)\})?=(.*)" % NAME, want)
        got = seen.get((m[1], labels(m[2] or "")))
        assert got is not None, "missing: " + want
        assert got > 0 if m[3] == "+" else got == float(m[3]), \
            "%s, it is %g" % (want, got)
    print(len(seen), "series")


main()
