#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# rules-flows.sh - a change of rules ends the connections that it forbids, where what
# is established would go on, and no other
. "$(dirname "$0")/../lib.sh"
private "$@"
# shellcheck source=../host.sh
. "$(dirname "$0")/../host.sh"
# shellcheck source=../guests.sh
. "$(dirname "$0")/../guests.sh"
export XTABLES_LOCKFILE=/tmp/xtables.lock
need_tun rules-flows
F=$PWD/tests/net/flows.py

host_up
ip link add br0 address 02:00:00:00:00:b0 type bridge mcast_snooping 0 \
	forward_delay 0
ip addr add 10.0.0.254/24 dev br0
ip addr add fd00::254/64 dev br0 nodad
ip link set br0 up
if [ ! -e /sys/class/net/br0/bridge/nf_call_iptables ] ||
	! python3 "$F" list >/dev/null; then
	skip rules-flows 'no br_netfilter, or no conntrack to be seen here'
	done_testing
fi
sysctl -qw net.netfilter.nf_conntrack_timestamp=1
sysctl -qw net.bridge.bridge-nf-call-iptables=0
sysctl -qw net.bridge.bridge-nf-call-ip6tables=0
for i in 1 2; do
	vifctl attach vif$i.0 bridge=br0 mac=00:16:3e:00:00:0$i \
		ip=10.0.0.$i,fd00::$i
	guest $i --ip 10.0.0.$i/24 --ip fd00::$i/64
done
ok 'both guests are up' until_true 10 sh -c '
	grep -q up /tmp/guest1.log && grep -q up /tmp/guest2.log'
in_guest 2 "setsid python3 $F serve >/tmp/serve 2>&1 &"
NOT='tcp4.80 tcp6.80 tcp4.82 tcp6.82 udp4.90 udp6.90'
ALL="$NOT tcp4.81 tcp6.81 udp4.91 udp6.91"

# bytes FLOW..: each one's answers so far.
bytes()
{
	(cd /tmp/talk && for b in "$@"; do stat -c '%n %s' "$b"; done)
}
talking()
{
	for b in $ALL; do
		[ -s /tmp/talk/$b ] || return 1
	done
}
# entries PORT..: ids and what for, of the flows to guest 2.
entries()
{
	python3 "$F" list | grep -e ' 10.0.0.2 ' -e ' fd00::2 ' |
		grep -E " ($1)\$" | sort
}
# Has each of these more answers than in the file?
grew()
{
	for b in tcp4.81 tcp6.81 udp4.91 udp6.91; do
		[ "$(stat -c %s /tmp/talk/$b)" -gt \
			"$(sed -n "s/^$b //p" /tmp/bytes)" ] || return 1
	done
}
no_more()
{
	# shellcheck disable=SC2086 # words
	bytes $NOT >/tmp/not && sleep 0.7 && bytes $NOT | diff /tmp/not -
}
# At the last within half a minute: each look takes a second.
becomes_silent()
{
	for _ in $(seq 30); do
		no_more >/dev/null && return
	done
	no_more
}
start()
{
	python3 "$F" forget
	rm -rf /tmp/talk
	mkdir /tmp/talk
	in_guest 1 "setsid python3 $F talk /tmp/talk 10.0.0.2 fd00::2 \
		>/tmp/talk.log 2>&1 & echo \$! >/tmp/talk.pid"
	until_true 20 talking
}
stop()
{
	in_guest 1 'kill $(cat /tmp/talk.pid)'
}
# change NAME COMMAND..: of ten flows six are forbidden by it.
change()
{
	name=$1
	shift
	ok "$name: ten flows talk" start
	entries '81|91' >/tmp/entries
	entries '80|82|90' >/tmp/forbidden
	same "$name: conntrack knows those that are allowed" 4 \
		"$(grep -c . /tmp/entries)"
	ok "$name: the change" sh -c '"$@" >/tmp/said 2>&1 ||
		{ cat /tmp/said; exit 1; }' - "$@"
	entries '80|82|90' >/tmp/after
	same "$name: no entry is left of what it forbids" '' \
		"$(comm -12 /tmp/forbidden /tmp/after)"
	# what an end of before repeats may be one, too
	ok "$name: says how many it ended" test 6 -le "$(awk \
		'/^connections: .* ended, which the rules forbid$/ { n += $2 }
		END { print n + 0 }' /tmp/said)"
	# shellcheck disable=SC2086 # words
	bytes $ALL >/tmp/bytes
	ok "$name: those are silent" becomes_silent
	ok "$name: the others go on" until_true 10 grew
	same "$name: as the same entries" "$(cat /tmp/entries)" "$(entries '81|91')"
	ok "$name: and the silent ones stay so" no_more
	ok "$name: no change" sh -c '"$@" >/tmp/said 2>&1' - "$@"
	ok "$name: ends none" fails grep ended /tmp/said
	same "$name: no entry" "$(cat /tmp/entries)" "$(entries '81|91')"
	stop
}
D='-p tcp -m multiport --dports 80,82 -j DROP'
U='-p udp --dport 90 -j DROP'
OLD='-m conntrack --ctstate RELATED,ESTABLISHED'

# --- files, both engines ---
mkdir /tmp/d
files()
{
	printf '%s\n' "$2 vif2.0" "engine $1" '*filter' \
		"-A to-guest $OLD -j RETURN" "$3" "$4" COMMIT | sed 's/^group .*/group/'
}
for engine in vif iptables; do
	files $engine vif >/tmp/d/a.rules
	vifctl rules apply /tmp/d
	files $engine vif "-A to-guest $D" "-A to-guest $U" >/tmp/d/a.rules
	change "engine $engine" vifctl rules apply /tmp/d
	rm /tmp/d/a.rules
	vifctl rules apply /tmp/d
done

# --- rules= of a vif ---
files vif group >/tmp/a.rules
files vif group "-A to-guest $D" "-A to-guest $U" >/tmp/b.rules
vifctl set vif2.0 rules=/tmp/a.rules
change 'set rules=' vifctl set vif2.0 rules=/tmp/b.rules
vifctl set vif2.0 rules=default

# --- the administrator's own, both variants ---
for variant in nft legacy; do
	for six in '' 6; do
		vifctl rule add -"${six:-4}" --variant $variant -- -A FORWARD \
			-m physdev --physdev-is-bridged $OLD -j ACCEPT
	done
	printf '%s\n' '*filter' "-A FORWARD -m physdev --physdev-in vif1.0 $D" \
		"-A FORWARD -m physdev --physdev-out vif2.0 --physdev-is-bridged $U" \
		COMMIT >/tmp/more
	change "rule restore, $variant" sh -c "
		vifctl rule restore -4 --noflush --variant $variant /tmp/more &&
		vifctl rule restore -6 --noflush --variant $variant /tmp/more"
	for six in '' 6; do
		vifctl rule flush -"${six:-4}" --variant $variant FORWARD
	done
done

# --- what was forbidden before, and nobody ended: other changes do not ---
# left NAME COMMAND..: it ends nothing. What a killed talk's end repeats may be new.
left()
{
	left=$1
	shift
	ok "$left" sh -c '"$@" >/tmp/said 2>&1' - "$@"
	ok "$left: ends none" fails grep ended /tmp/said
	entries '80|82|90' >/tmp/after
	same "$left: no entry" '' "$(comm -23 /tmp/entries /tmp/after)"
}
# shellcheck disable=SC2086 # words
vifctl rule add -4 --variant nft -- -A FORWARD -m physdev \
	--physdev-is-bridged $OLD -j ACCEPT
# of_guest LINE..: a file of what guest 1 sends, before iptables sees it
of_guest()
{
	printf '%s\n' 'vif vif1.0' 'engine vif' '*filter' "$@" \
		'-A from-guest -p tcp -j RETURN' COMMIT
}
of_guest >/tmp/d/a.rules
vifctl rules apply /tmp/d
ok 'left: ten flows talk' start
iptables-nft -A FORWARD -m physdev --physdev-in vif1.0 -p tcp --dport 80 -j DROP
iptables-nft -N elsewhere
entries '80|82|90' >/tmp/entries
V='vifctl rule add -4 --variant nft -- -A'
# shellcheck disable=SC2086 # words
{
	left 'a rule of other packets' $V FORWARD -p tcp --dport 99 -j DROP
	left 'of another vif' $V FORWARD -m physdev --physdev-in vif7.0 \
		-p tcp --dport 80 -j DROP
	left 'of a chain that nobody goes to' $V elsewhere -p tcp --dport 80 \
		-j DROP
	left 'the same once more' $V FORWARD -m physdev --physdev-in vif1.0 \
		-p tcp --dport 80 -j DROP
	left 'one of the two less' vifctl rule delete -4 --variant nft -- \
		-D FORWARD -m physdev --physdev-in vif1.0 -p tcp --dport 80 \
		-j DROP
	left 'that lets pass' $V FORWARD -p tcp --dport 80 -j ACCEPT
}
of_guest '-A from-guest -p udp --dport 99 -j DROP' >/tmp/d/a.rules
left "a line of the vif's file" vifctl rules apply /tmp/d
stop
done_testing
