# SPDX-License-Identifier: GPL-2.0-or-later
"""rules.py - each rule of a file by us and by iptables: equal in every print

    rules.py VARIANT FILE.t ..      in a network namespace of its own

A file is in the format of iptables' own tests: `:CHAIN,..` and `*table` say where
the lines behind go; a line is RULE;AS IT IS PRINTED;OK or FAIL, with = for "as
it is written"; a fourth word names the only variant that the line is for. Names
with ip4, ip6, libipt_ or libip6t_ are of one family, others of both.

Judges: iptables' acceptance, its -save (byte for byte), -C and -D both ways,
and for nft the instructions in the kernel, each extension's bytes included.
What iptables itself does otherwise than the file says on this kernel is
skipped where the file is not ours, and fails where it is.
"""
import os
import shlex
import subprocess
import sys

TOOL = os.environ["RULE"]
OURS = os.path.join(os.environ["ROOT"], "tests/rules")


def run(*argv):
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True)
    return p.returncode, p.stdout, p.stderr


class Host:
    """One variant and family."""

    def __init__(self, variant, family):
        self.variant = variant
        self.ipt = f"ip{'6' if family == 6 else ''}tables-{variant}"
        self.opts = ["-6"] if family == 6 else []
        if variant == "legacy":
            self.opts.append("--legacy")

    def theirs(self, table, *words):
        return run(self.ipt, "-w", "-t", table, *words)

    def ours(self, table, *words):
        return run(TOOL, "run", *self.opts, "--force", "-t", table, *words)

    def state(self, table):
        save = run(self.ipt + "-save", "-t", table)[1]
        lines = [l for l in save.splitlines() if not l.startswith("#")]
        if self.variant == "nft":
            lines += run(TOOL, "dump")[1].splitlines()
        return "\n".join(lines)

    def clean(self, table):
        self.theirs(table, "-F")

    def compare(self, table, chain, rule, want):
        """What differs, or None."""
        words = shlex.split(rule)
        bad = self.theirs(table, "-A", chain, *words)
        theirs = self.state(table)
        if bad[0]:
            return "iptables refuses: " + bad[2]
        line = f"-A {chain} {want}".rstrip()
        if want and line not in theirs.splitlines():
            return f"iptables prints otherwise than {line}\n{theirs}"
        for verb in "-C", "-D":
            rc, _, err = self.ours(table, verb, chain, *words)
            if rc:
                return f"{verb} of theirs by us: {err}"
        rc, _, err = self.ours(table, "-A", chain, *words)
        if rc:
            return "we refuse: " + err
        ours = self.state(table)
        if ours != theirs:
            return f"theirs:\n{theirs}\nours:\n{ours}"
        for verb in "-C", "-D":
            rc, _, err = self.theirs(table, verb, chain, *words)
            if rc:
                return f"{verb} of ours by iptables: {err}"
        if want and want == rule:
            printed = run(TOOL, "print", *self.opts, "-t", table, "-A", chain,
                          *words)[1].strip()
            if printed != line:
                return f"we print {printed} for {line}"
        return None

    def refused(self, table, chain, rule):
        words = shlex.split(rule)
        if not self.theirs(table, "-A", chain, *words)[0]:
            return "iptables accepts it"
        rc, _, err = self.ours(table, "-A", chain, *words)
        if not rc:
            return "we accept it"
        return None if err.strip() else "we refuse it without a word"


def families(path):
    name = os.path.basename(path)
    if name.startswith(("ip4", "libipt_")):
        return [4]
    if name.startswith(("ip6", "libip6t_")):
        return [6]
    if name.startswith(("libebt", "libarpt")):
        return []
    return [4, 6]


def lines(path):
    """(table, chain, rule, want, OK or FAIL, variant or '')"""
    table, chains = "filter", ["FORWARD"]
    for text in open(path):
        text = text.rstrip("\n")
        if not text or text[0] in "#%@":
            continue
        if text[0] == "*":
            table = text[1:].strip()
        elif text[0] == ":":
            chains = text[1:].strip().split(",")
        else:
            f = text.split(";")
            if len(f) < 3:
                print(f"# {path}: not a test: {text}")
                continue
            rule, want, res = f[0].strip(), f[1], f[2].strip()
            only = f[3].strip().lower() if len(f) > 3 else ""
            for chain in chains:
                yield table, chain, rule, rule if want == "=" else want, res, \
                    only


def main():
    variant, n, skipped = sys.argv[1], 0, 0
    bad = []
    for path in sys.argv[2:]:
        own = os.path.abspath(path).startswith(OURS)
        for family in families(path):
            h = Host(variant, family)
            for table in "filter", "mangle", "raw", "nat":
                h.theirs(table, "-N", "foo")
            for table, chain, rule, want, res, only in lines(path):
                if only and only != variant:
                    continue
                if res == "OK":
                    why = h.compare(table, chain, rule, want)
                else:
                    why = h.refused(table, chain, rule)
                h.clean(table)
                n += 1
                if why and not own and why.startswith("iptables"):
                    skipped += 1
                elif why:
                    bad.append(f"{os.path.basename(path)}: {h.ipt} -t {table} "
                               f"-A {chain} {rule} ({res}): {why}")
    for text in bad:
        print("\n".join("# " + l for l in text.splitlines()))
    print(f"# {variant}: {n} rules, {len(bad)} differ, {skipped} that iptables"
          " here does otherwise than their file")
    sys.exit(bool(bad) or not n)


main()
