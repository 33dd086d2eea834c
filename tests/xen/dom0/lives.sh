# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# lives.sh - what guests must not notice, and what must end well

# Each card's features are offered in one transaction: a frontend sees none or all.
# After two_guests; xenstored writes to TRACE what it is asked (and not any more).
TRACE=/tmp/store.trace
offered()
{
	same 'features: all of a card in one transaction' \
		'2 cards, 12 at a time, 0 alone' "$(awk '
		$1 != "IN" { next }
		$5 == "TRANSACTION_START" { open[$2] = 1; n[$2] = 0 }
		$5 == "WRITE" && $6 ~ /backend\/vif\/.*\/(feature|multi)-/ {
			split($6, p, "/")
			if (open[$2]) n[$2]++; else alone++
			card[p[7] "/" p[8]]
		}
		$5 == "TRANSACTION_END" {
			if (n[$2]) seen[n[$2]]
			open[$2] = 0
		}
		END {
			for (i in card) cards++
			for (i in seen) at = at (at ? " or " : "") i
			printf "%d cards, %s at a time, %d alone\n", cards, at, alone
		}' $TRACE)"
	xenstore-control log off
	rm $TRACE
}

# What a worker that was taken over could bind: each of its evtchns is of one guest
# alone, of which it has two for a queue.
restricted()
{
	rs_1=$(domid one) rs_2=$(domid two)
	same 'each event channel is restricted to its guest' \
		"2 of $rs_1, 4 of $rs_2, " "$($B/tests/xen/dom0/bound \
			"$(worker)" 0 "$rs_1" "$rs_2" | sort | uniq -c |
			awk '{ n = $1; $1 = ""; printf "%d of%s, ", n, $0 }')"
}

# A connection over which guest one counts, five times a second.
stream_start()
{
	socat -u TCP-LISTEN:7000 CREATE:/tmp/stream >/dev/null 2>&1 &
	echo $! >/tmp/stream.pid
	within 10 listening 7000
	quiet on one '(i=0; while :; do i=$((i + 1)); echo $i; usleep 200000; done | nc 10.0.0.1 7000) >/dev/null 2>&1 &'
	within 20 test -s /tmp/stream
}

# It goes on, and has every number in its turn.
stream_lives()
{
	s_was=$(wc -l </tmp/stream)
	within 60 sh -c "[ \$(wc -l </tmp/stream) -gt $((s_was + 2)) ]" ||
		return 1
	kill -0 "$(cat /tmp/stream.pid)" || return 1
	! sed '$d' /tmp/stream | awk '$1 != NR' | grep .
}

# kills TIMES: of the worker, then of everybody
kills()
{
	ok 'a guest counts over a connection' stream_start
	k_bells=$(bells one)
	k_i=0 k_bad=0
	while [ $k_i -lt "$1" ]; do
		k_was=$(worker)
		kill -9 "$k_was"
		within 10 has_worker "$k_was" || k_bad=$((k_bad + 1))
		stream_lives || k_bad=$((k_bad + 1))
		k_i=$((k_i + 1))
	done >/tmp/kills.log 2>&1
	same "kill -9 of the worker, $1 times" 0 $k_bad
	k_i=0 k_bad=0
	while [ $k_i -lt "$1" ]; do
		kill -9 "$(netbackd_pid)"
		netback_up || k_bad=$((k_bad + 1))
		stream_lives || k_bad=$((k_bad + 1))
		k_i=$((k_i + 1))
	done >>/tmp/kills.log 2>&1
	same "kill -9 of the supervisor, $1 times" 0 $k_bad
	ok 'the connection is the first one still' stream_lives
	same 'and nobody rang the guest for nothing' "$k_bells" "$(bells one)"
	kill "$(cat /tmp/stream.pid)"
	note 'kills done'
}

# kills_in_traffic TIMES: of the worker, while both rings are as full as they get.
# netfront's own spurious_events shall not move.
kills_in_traffic()
{
	f_bells=$(bells one)
	quiet on one "pidof iperf3 || $IPERF3"
	timeout 180 iperf3 -c 10.0.0.2 -t $((4 + 2 * $1)) --bidir \
		>/tmp/bidir 2>&1 &
	f_iperf=$!
	sleep 2
	f_i=0 f_bad=0
	while [ $f_i -lt "$1" ]; do
		f_was=$(worker)
		kill -9 "$f_was"
		within 20 has_worker "$f_was" || f_bad=$((f_bad + 1))
		sleep 1.3
		f_i=$((f_i + 1))
	done
	same "kill -9 of the worker under full traffic, $1 times" 0 $f_bad
	wait $f_iperf
	same 'both streams come to their end' 0 $?
	sed -n '/receiver/s/^/# /p' /tmp/bidir
	same 'and carried something each' 0 \
		"$(grep receiver /tmp/bidir | grep -c ' 0.00 ')"
	same 'the guest was not rung for nothing' "$f_bells" "$(bells one)"
	note 'kills in traffic done'
}

unit()
{
	XDG_RUNTIME_DIR=/run systemctl --user "$@"
}

# For netbackd by its own unit. The manager is a user's, who is root: that needs not
# be the first process, and /run is its runtime directory.
systemd_up()
{
	mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
	mkdir -p /run/systemd/system /run/systemd/user/netbackd.service.d
	sed "s,/usr/local/sbin,$B,; s,^ExecStart=.*,& -v," \
		/nb/scripts/netbackd.service >/run/systemd/user/netbackd.service
	printf '[Service]\nStandardError=append:/tmp/netbackd.log\n' \
		>/run/systemd/user/netbackd.service.d/log.conf
	XDG_RUNTIME_DIR=/run /lib/systemd/systemd --user \
		--unit=basic.target >/tmp/systemd.log 2>&1 &
	echo $! >/tmp/systemd.pid
	within 60 unit is-active basic.target
}

# What goes away and comes back when nobody holds guest one's tap.
carrier()
{
	cat "/sys/class/net/$(vif_of one)/carrier_down_count"
}

# A supervisor that dies gets its descriptors back from systemd. By hand only, since
# systemd takes its time to start here. It is up before netbackd is killed: TCP waits
# after each try twice as long as before it, so after minutes without a backend the
# guest says nothing for minutes more.
fd_store()
{
	ok 'systemd is up' systemd_up
	ok 'a guest counts over a connection' stream_start
	d_was=$(carrier)
	kill -9 "$(netbackd_pid)"
	ok 'netbackd as a unit of it' unit start netbackd
	ok 'has a worker' within 60 has_worker 0
	# (or the points below prove nothing)
	ok 'the tap had nobody meanwhile' within 10 sh -c \
		"[ $d_was -lt \$(cat /sys/class/net/$(vif_of one)/carrier_down_count) ]"
	ok 'the connection lives' stream_lives
	same 'systemd knows it' "$(netbackd_pid)" \
		"$(unit show netbackd -P MainPID)"
	d_kept=$(unit show netbackd -P NFileDescriptorStore)
	note "systemd keeps $d_kept descriptors"
	ok 'and keeps descriptors' test "$d_kept" -gt 0
	d_was=$(carrier) d_i=0 d_bad=0
	while [ $d_i -lt 3 ]; do
		d_pid=$(netbackd_pid)
		kill -9 "$d_pid"
		within 30 another_netbackd "$d_pid" || d_bad=$((d_bad + 1))
		stream_lives || d_bad=$((d_bad + 1))
		d_i=$((d_i + 1))
	done >/tmp/fdstore.log 2>&1
	same 'kill -9 of the supervisor under systemd, 3 times' 0 $d_bad
	[ $d_bad = 0 ] || sed 's/^/# /' /tmp/fdstore.log /tmp/systemd.log
	same 'the tap was held all the time' "$d_was" "$(carrier)"
	ok 'the connection is the first one still' stream_lives
	kill "$(cat /tmp/stream.pid)"
	ok 'systemd stops it' unit stop netbackd
	kill "$(cat /tmp/systemd.pid)"
	ok 'and it starts by hand again' netback_up
	ok 'the guest answers' answers 10.0.0.2
	note 'fd store done'
}

another_netbackd()
{
	an=$(netbackd_pid) && [ -n "$an" ] && [ "$an" != "$1" ]
}

bells_for_something()
{
	for b_g in one two; do
		same "guest $b_g was never rung for nothing" 0 "$(bells $b_g)"
	done
}

# The frontend's driver leaves the device and takes it again.
rebind()
{
	r_back=$BACK/$(domid one)/0
	on one 'echo vif-0 >/sys/bus/xen/drivers/vif/unbind'
	ok 'unbound in the guest: Closed' within 10 state_is "$r_back" 6
	on one 'echo vif-0 >/sys/bus/xen/drivers/vif/bind'
	ok 'bound again: Connected' within 20 state_is "$r_back" 4
	ok 'and the guest answers' answers 10.0.0.2
}

save_restore()
{
	ok 'xl save' quiet xl save one /tmp/one.save
	ok 'its vif is gone' within 10 sh -c '! ls -d /sys/class/net/vif*'
	ok 'xl restore' quiet xl restore /tmp/one.save
	known one
	rm -f /tmp/one.save
	ok 'and the guest answers' answers 10.0.0.2
	note 'save and restore done'
}

# netbackd dies between online=0 and Closed: the next one finishes it.
death_while_leaving()
{
	guest four 5
	ok 'a fourth guest' create four
	ok 'answers' answers 10.0.0.5
	d_id=$(domid four)
	d_pid=$(netbackd_pid)
	kill -STOP "$d_pid"
	{
		xl network-detach four 0 >/tmp/detach.log 2>&1
		echo $? >/tmp/detach.rc
	} &
	ok 'online is 0' within 10 sh -c \
		"[ \"\$(xenstore-read $BACK/$d_id/0/online)\" = 0 ]"
	kill -9 "$d_pid"
	ok 'the next netbackd' netback_up
	ok 'lets it go: network-detach ends' within 60 test -s /tmp/detach.rc
	same 'and ends well' 0 "$(cat /tmp/detach.rc)"
	ok 'the tap is gone' within 10 test ! -e "/sys/class/net/vif$d_id.0"
	quiet xl destroy four
}

# nothing_left [KNOWN]: what netbackd may complain of, as a pattern.
nothing_left()
{
	same 'nothing is kept of any vif' '' "$(ls /run/netback/keep)"
	l_pid=$(netbackd_pid)
	ok 'netbackd lives' kill -0 "$l_pid"
	for l_p in "$l_pid" "$(worker)"; do
		ok "process $l_p has no device of Xen open" sh -c \
			"! ls -l /proc/$l_p/fd | grep -E 'xen/(gntdev|evtchn)'"
	done
	same 'it never complained' '' "$(grep -E 'error|warning' \
		/tmp/netbackd.log | grep -vE "killed by signal 9${1:+|$1}")"
	kill "$l_pid"
	cp /tmp/netbackd.log /share/out/
}

# A guest without the PV entry points: the hypervisor's hardware mode, which QEMU
# emulates (SVM).
pvh()
{
	TYPE=pvh guest pvh 6
	ok 'a PVH guest' create pvh
	ok 'answers' answers 10.0.0.6 120
	ok 'PVH guest to PV guest' on pvh 'ping -c 2 -W 5 10.0.0.2'
	ok 'xl destroy of the PVH guest' xl destroy pvh
	note 'PVH done'
}
