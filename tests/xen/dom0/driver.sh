#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# driver.sh - in dom0: another domain drives the cards, as one does that has
# nothing else to do: netbackd and xl devd, and the store's quota for a guest
. /nb/tests/xen/dom0/lib.sh
. /nb/tests/xen/dom0/suite.sh
CARDS=${CARDS:-40}
NODES=1000 # xenstored's quota for a domain that is not dom0
export WAIT=300

driver_up()
{
	EXTRA=rdinit=/driver-init RAMDISK=driver.cpio MEM=640 guest driver 20
	sed -i '/^vif/d' /tmp/driver.cfg
	echo 'driver_domain = 1' >>/tmp/driver.cfg
	ok 'a driver domain' create driver
	ok 'with xl devd' on driver \
		'ln -s vifhotplug /vif-bridge; xl devd </dev/null >/dev/null 2>&1'
	ok 'and netbackd' on driver \
		'(/netbackd -v >/tmp/log 2>&1 &); until [ -e /run/netback/control ]; do sleep 0.2; done'
	D_ID=$(domid driver)
	D_BACK=/local/domain/$D_ID/backend/vif
}

# Nodes of the store that are the driver domain's.
nodes()
{
	xenstore-ls -fp | grep -c "(n${D_ID}[,)]"
}

card()
{
	printf '00:16:3e:00:01:%02x' "$1"
}

# A card's address of IPv6 is made of its MAC, so each answers for itself.
pings()
{
	echo 'n=0; for i in $(seq 1' "$CARDS"'); do' \
		'ping -c 1 -W 5 fe80::216:3eff:fe00:$(printf "1%02x" $i)%xenbr0 >/dev/null && n=$((n + 1));' \
		'done; echo answers $n'
}

# The numbers of its cards: one that came at a second try may have left a gap.
numbers()
{
	xenstore-list "$D_BACK/$D_ONE"
}

connected()
{
	c_all=''
	for c_i in $(numbers); do
		c_all="$c_all $D_BACK/$D_ONE/$c_i/state"
	done
	# shellcheck disable=SC2086 # words
	[ "$(xenstore-read $c_all | grep -cx 4)" = "$CARDS" ]
}

# attach_card N: three times at the most. Where the machine is busy one may miss the
# ten seconds that libxl gives a backend, and libxl leaves it there: it is the last.
attach_card()
{
	for _ in 1 2 3; do
		! xl network-attach one "mac=$(card "$1")" bridge=xenbr0 \
			backend=driver script=/vif-bridge || return 0
		echo "card $1: once more"
		xl network-detach one "$(numbers | sort -n | tail -n 1)"
	done
	return 1
}

# One after the other: of many at once some miss libxl's ten seconds here.
cards()
{
	c_bad=0
	for c_i in $(seq 1 "$CARDS"); do
		attach_card "$c_i" || c_bad=$((c_bad + 1))
	done >/tmp/attach.log 2>&1
	note "$CARDS cards are attached"
	same "xl network-attach of $CARDS cards" 0 $c_bad
	[ $c_bad = 0 ] || sed 's/^/#   /' /tmp/attach.log
	quiet on one 'for e in /sys/class/net/eth*; do ip link set ${e##*/} up; done'
	ok 'all are connected' within 60 connected
	c_nodes=$(nodes)
	note "the driver domain has $c_nodes nodes of its $NODES"
	ok 'the store has room for its nodes' test "$c_nodes" -lt $NODES
	same 'all answer' "answers $CARDS" \
		"$(on driver "$(pings)" | tail -n 1)"
	same 'netbackd met no quota' '' "$(on driver \
		'grep -iE "error|warning|space|many" /tmp/log')"
}

cards_gone()
{
	c_bad=0
	for c_i in $(numbers); do
		xl network-detach one "$c_i" || c_bad=$((c_bad + 1))
	done >/tmp/detach.log 2>&1
	note "$CARDS cards are detached"
	same "xl network-detach of $CARDS cards" 0 $c_bad
	ok 'nothing of a vif is left in the store' within 10 store_clean
	same 'nor a device' '' "$(on driver \
		'cd /sys/class/net; ls -d vif*' | grep '^vif')"
	same 'nor a record' '' "$(on driver 'ls /run/netback/keep')"
	same 'nor a table of a guard' '' "$(on driver \
		'nft list tables | grep netback-vif')"
	same 'its kernel has nothing to complain of' '' "$(on driver \
		'dmesg -l err,warn | grep -iE "vif|gnttab|grant|\<bug\>|oops"' |
		grep -v 'Grant table initialized')"
}

ok 'vector registers survive: the emulation is sound' \
	"$B/tests/xen/dom0/vectors" 2 4
ok 'xenstored and its like are up' xen_up xenstored
driver_up
VIFS=' ' MEM=384 guest one 2
ok 'a guest without a card' create one
D_ONE=$(domid one)
within 60 on one true
note 'the guest is up'
cards
cards_gone
ok 'xl destroy of the guest' xl destroy one
ok 'and of the driver domain' xl destroy driver
ok 'no domain is left' within 10 no_zombies
note end
done_testing
