#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# coverage.sh - lines of the files that read hostile input: how many were run
#
#   coverage.sh		  the fuzzers' corpora and the unit tests, with clang's
#			  source coverage; one line for each file: lines, what
#			  both run, what the fuzzers alone run
#   CORPORA=DIR		  more inputs, DIR/NAME for the fuzzer NAME (build/fuzz/fuzz)
#
# The build is its own, build/cover.
set -eu
cd "$(dirname "$0")/.."
C=build/cover
CORPORA=${CORPORA:-build/fuzz/fuzz}
FILES='netback/ring/tx.c netback/ring/rx.c netback/ring/ring.c netback/ring/ctrl.c
netback/ring/gref.c netback/ring/hash.c netback/base/locate.c netback/base/msg.c
netback/store/conn.c netback/store/ops.c netback/store/tree.c netback/daemon/life.c
netback/daemon/keys.c netback/daemon/guestconn.c netback/daemon/orders.c
netback/hv/hv_local.c netback/base/direct.c netback/base/vif.c
netback/base/vif_check.c netback/base/vif_guard.c netback/base/vif_port.c
netback/base/vif_rules.c
netback/base/network.c netback/base/num.c netback/cap/cap.c netback/ctl/xlvif.c
netback/ctl/xlcfg.c netback/ctl/sxp.c netback/ctl/import.c netback/ctl/import_xml.c
filter/ruleset.c filter/rules_restore.c filter/rules_line.c filter/explain_pkt.c
filter/dhcp.c filter/dhcp6.c'

find_tool()
{
	for t in "$1" "$1-14" "$1-15" "$1-16" "$1-17" "$1-18" "$1-19"; do
		command -v "$t" && return
	done
	echo "coverage: no $1; install llvm" >&2
	exit 1
}
PROFDATA=$(find_tool llvm-profdata)
COV=$(find_tool llvm-cov)

flags='-fprofile-instr-generate -fcoverage-mapping'
units=$(for f in tests/unit/test_*.c; do echo "$C/unit/tests/unit/$(basename \
	"$f" .c)"; done)
make -s FUZZ=1 B=$C CFLAGS="-O1 -g $flags" LDFLAGS="$flags" fuzzers
# shellcheck disable=SC2086 # words
make -s B=$C/unit CC=clang CFLAGS="-O1 -g $flags" LDFLAGS="$flags" $units
rm -rf $C/raw
mkdir -p $C/raw $C/none
fuzzers=
for f in tests/fuzz/*.c; do
	name=$(basename "$f" .c)
	set -- "$C/none" "tests/fuzz/$name.seeds"
	[ ! -d "$CORPORA/$name" ] || set -- "$@" "$CORPORA/$name"
	LLVM_PROFILE_FILE=$PWD/$C/raw/fuzz-$name-%p.profraw timeout 600 \
		"$C/tests/fuzz/$name" -runs=0 \
		-artifact_prefix="$C/" "$@" >$C/$name.log 2>&1 ||
		echo "coverage: $name: $(tail -n 1 $C/$name.log)" >&2
	fuzzers="$fuzzers -object $C/tests/fuzz/$name"
done
all=$fuzzers
for f in tests/unit/test_*.c; do
	name=$(basename "$f" .c)
	[ -x "$C/unit/tests/unit/$name" ] || continue
	LLVM_PROFILE_FILE=$PWD/$C/raw/unit-$name-%p.profraw timeout 600 \
		"$C/unit/tests/unit/$name" >$C/$name.log 2>&1 ||
		echo "coverage: $name failed" >&2
	all="$all -object $C/unit/tests/unit/$name"
done
"$PROFDATA" merge -sparse -o $C/fuzz.profdata $C/raw/fuzz-*.profraw
"$PROFDATA" merge -sparse -o $C/all.profdata $C/raw/*.profraw
# shellcheck disable=SC2086 # words
for run in all fuzz; do
	objects=$fuzzers
	[ $run = fuzz ] || objects=$all
	"$COV" export -summary-only -instr-profile $C/$run.profdata \
		${objects#* -object} $FILES >$C/$run.json 2>$C/cov.log
done
python3 -c '
import json, os, sys
def lines(name):
    return {os.path.relpath(f["filename"]): f["summary"]["lines"]
            for f in json.load(open(name))["data"][0]["files"]}
both, fuzz = lines(sys.argv[1]), lines(sys.argv[2])
for f, s in both.items():
    one = fuzz.get(f, {"percent": 0})
    print("%-36s %4d lines  %5.1f %%  %5.1f %%" % (
        f, s["count"], s["percent"], one["percent"]))
' $C/all.json $C/fuzz.json
