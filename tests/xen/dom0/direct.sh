# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# direct.sh - frames that netbackd hands from guest to guest itself (direct=yes)

# Four megabytes, in two seconds at the least.
D_SIZE=4000000
SAID='for i in 1 2 3 4 5 6 7 8; do head -c 500000 /bin/busybox; usleep 250000; done'

# What guest one has sent, and of that what went so: frames.
direct_out()
{
	d_stat=$(stats one)
	echo "$(counter "$d_stat" tx_frames) $(counter "$d_stat" direct_out)"
}

# hears GUEST: what is said to it, into /tmp/got. nc ends when its standard input does,
# and that does not: so it is killed the next time.
hears()
{
	quiet on "$1" 'killall nc; rm -f /tmp/got'
	quiet on "$1" 'nc -l -p 7001 0<>/tmp/nothing >/tmp/got 2>&1 & until grep -q :1B59 /proc/net/tcp*; do usleep 100000; done'
}

# said FROM TO ADDRESS [KILL]: what FROM says is what TO hears, each byte of it; the
# worker is killed meanwhile, and /tmp/direct.new is direct_out when it has a new one.
said()
{
	hears "$2"
	quiet on "$1" "killall nc; (($SAID) | nc $3 7001) >/dev/null 2>&1 &"
	if [ -n "${4:-}" ]; then
		s_was=$(worker)
		sleep 1
		kill -9 "$s_was"
		within 10 has_worker "$s_was" || return 1
		direct_out >/tmp/direct.new
	fi
	within 60 on "$2" "test \$(wc -c </tmp/got) -ge $D_SIZE"
	s_got=$(on "$2" 'md5sum </tmp/got' | tail -n 1)
	echo "got $s_got, not $D_SUM"
	[ "$s_got" = "$D_SUM" ]
}

# Both cards again, by a host that says direct=yes of what it plugs in. (What comes
# after it plugs guest two in without.)
direct_plug()
{
	mkdir -p /etc/netback
	echo direct=yes >/etc/netback/hotplug
	xl network-detach one 0 && xl network-detach two 0 || return 1
	xl network-attach one mac=00:16:3e:00:00:02 bridge=xenbr0 \
		script=/opt/nb/vif-bridge 'ip=10.0.0.2 fd00::2' || return 1
	xl network-attach two mac=00:16:3e:00:00:03 bridge=xenbr0 \
		script=/opt/nb/vif-bridge vifname=two0 || return 1
	rm /etc/netback/hotplug
	answers 10.0.0.2 && answers 10.0.0.3
}

# direct_most WHEN WAS NOW: of what guest one has sent between the two, most went so.
direct_most()
{
	d_all=$((${3% *} - ${2% *})) d_so=$((${3#* } - ${2#* }))
	note "direct: $d_so frames of $d_all of guest one"
	ok "$1" more_than $((d_all / 2)) $d_so
}

direct()
{
	D_SUM=$(on one "($SAID) | md5sum" | tail -n 1)
	ok 'direct=yes: both are plugged in again, and answer' direct_plug
	ok 'direct: guest to guest' on one 'ping -c 2 -W 5 10.0.0.3'
	d_was=$(direct_out)
	ok 'direct: each byte arrives' said one two 10.0.0.3
	ok 'direct: and the other way' said two one 10.0.0.2
	direct_most 'direct: most of it by rings alone' "$d_was" "$(direct_out)"
	ok 'direct: the worker is killed meanwhile' said one two 10.0.0.3 kill
	direct_most 'direct: and goes on so' "$(cat /tmp/direct.new)" \
		"$(direct_out)"
	note 'direct done'
}
