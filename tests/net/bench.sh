#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# bench.sh - the bench runs and says what it promises; values do not matter here
. "$(dirname "$0")/../lib.sh"
private "$@"

CSV=/tmp/quick.csv
HEADER=area,case,unit,ours,peer,peer_value,ratio

# Here are our namespaces already; the bench takes them as they are.
quick()
{
	QUICK=1 CSV=$CSV sh "$ROOT/tests/bench/bench.sh"
}

well_formed()
{
	awk -F, 'NF != 7 || $4 !~ /^[0-9.]+$/ || $6 !~ /^[0-9.]+$/ ||
		$7 !~ /^[0-9]+\.[0-9][0-9]$/ { print; bad = 1 }
		END { exit bad }' /tmp/rows
}

ok 'a quick bench runs' quick
same 'the header' "$HEADER" "$(head -n 1 $CSV)"
sed 1d $CSV >/tmp/rows
same 'the rows' 'tap,pps64-up,frames/s,write
tap,pps64-down,frames/s,read
tap,pps64-up-unguarded,frames/s,write
tcp,g2g,Gb/s,veth
tcp,g2g-direct,Gb/s,veth
latency,ring-p50,us,wanted
latency,ring-p99,us,wanted
latency,ping-p50,us,veth
latency,ping-p99,us,veth
idle,wakeups,1/s,wanted
idle,cpu-4-vifs,%,wanted
insn,ring-64,instructions/frame,noted
insn,ring-1514,instructions/frame,noted
insn,ring-64k,instructions/frame,noted
filter-free,guard-4,frames/s,unfiltered
filter-free,least-chains,frames/s,unfiltered
filter-free,least-rule,frames/s,unfiltered
flat,filter-4,frames/s,one
broadcast,4-ports,frames/s,physdev
memory,per-queue,KiB,wanted
upgrade,pause-1-p50,ms,wanted
upgrade,pause-1-max,ms,wanted
upgrade,pause-20-p50,ms,wanted
upgrade,pause-20-max,ms,wanted
idle,cpu-4-vifs,%,wanted' "$(cut -d, -f1-3,5 /tmp/rows)"
ok 'numbers where numbers stand' well_formed
ok 'it can be drawn' python3 "$ROOT/scripts/plot.py" $CSV /tmp/plot.svg
same 'with a bar for each row' 25 "$(grep -c '<rect class=' /tmp/plot.svg)"

# limits.sh, by a floor that is met and one that is not.
limits()
{
	sh "$ROOT/tests/bench/limits.sh" /tmp/limits.csv "$1"
}

printf '%s\ntcp,g2g,Gb/s,5,veth,10,0.50\n' $HEADER >/tmp/limits.csv
echo tcp,g2g 0.50 >/tmp/met
echo tcp,g2g 0.51 >/tmp/missed
echo tcp,gone 0.10 >/tmp/gone
ok 'a floor that is met passes' limits /tmp/met
ok 'one that is missed fails' fails limits /tmp/missed
ok 'a row that has a floor and is gone fails' fails limits /tmp/gone
done_testing
