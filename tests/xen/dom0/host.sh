#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# host.sh - with dom0's kernel, without Xen: the host's suites of tests/net
#
# Debian's kernel has as modules, or at all, what others lack: br_netfilter, the
# bridge's conntrack, VLAN filtering. SUITES= names others; SUITES=all all that
# make sense here. A skip needs a line "host/NAME: reason" in tests/skips.
export B=/nb/build
. /nb/tests/lib.sh
SUITES=${SUITES:-'switches modes route nat guard rules-truth physdev
rules-bridge rule drops'}
if [ "$SUITES" = all ]; then
	SUITES='attach blame closed differential doctor drops engine examples explain guard
	guardcycle guardmatrix guardwatch hooks hotplug hotroute modes nat
	network physdev repair route rule rules rules-bridge rules-equal
	rules-files rules-log rules-truth set switches'
fi

# skipped NAME LINE: what says "# SKIP reason"
skipped()
{
	if grep -q "^host/$1: " tests/skips; then
		skip "$1" "${2##*# SKIP }"
	else
		same "$1: has a skip that tests/skips does not know" '' \
			"${2##*# SKIP }"
	fi
}

# points NAME: the points of a test, as ours
points()
{
	while IFS= read -r line; do
		case $line in
		'ok '*'# SKIP'*|'1..0 # SKIP'*) skipped "$1" "$line" ;;
		'ok '*) ok "$1: ${line#* - }" true ;;
		'not ok '*)
			TAP_N=$((TAP_N + 1)) TAP_BAD=$((TAP_BAD + 1))
			echo "not ok $TAP_N - $1: ${line#* - }"
			;;
		*) echo "#   ${line#\#}" ;;
		esac
	done </tmp/host.out
}

uname -r | sed 's/^/# /'
export MACHINE=ours # tests/net/drops.sh
export RACE=50 # processes are slow to start here
export PLACES=20 STEP=190 # and some suites try hundreds of things
modprobe tun
modprobe br_netfilter
for t in $SUITES; do
	h_from=$(cut -d. -f1 /proc/uptime)
	timeout -s KILL "${EACH:-600}" sh "tests/net/$t.sh" >/tmp/host.out 2>&1
	h_rc=$?
	points "$t"
	h_n=$(grep -cE '^(not )?ok ' /tmp/host.out)
	same "$t: came to its end" "1..$h_n" \
		"$(sed -n 's/^\(1\.\.[0-9]*\).*/\1/p' /tmp/host.out)"
	echo "# $t: status $h_rc, $(($(cut -d. -f1 /proc/uptime) - h_from)) s"
done
done_testing
