#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# xen.sh - netbackd against the kernel's xen-netback, in one boot of real Xen
#
# The emulator counts instructions instead of time, so that figures repeat on a
# busy machine; what they are not is said in doc/benchmarks.md. Rows in
# $B/bench/xen.csv, floors in tests/bench/limits-xen.txt.
set -eu
cd "$(dirname "$0")/../.."
B=${B:-build}
share=${XEN_CACHE:-$PWD/build/xen}/bench/share
mkdir -p "$B/bench"
ICOUNT=1 LIMIT=${LIMIT:-1200} sh tests/xen/boot.sh bench
cp "$share/out/xen.csv" "$B/bench/xen.csv"
cat "$B/bench/xen.csv"
sh tests/bench/limits.sh "$B/bench/xen.csv" tests/bench/limits-xen.txt
