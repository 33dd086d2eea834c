# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# guests.sh - guests that run commands, for tests which change what they stand on
#
# After host.sh:   guest 1 --ip 10.0.0.1/24    the guest of vif1.0, in the background
#                  until_true 10 guest_up 1;   in_guest 1 ping -c 1 10.0.0.2

guest()
{
	guest_n=$1
	shift
	vifguest --run "$RUN" --vif "$guest_n.0" "$@" -- \
		sh -c "echo up; while :; do
			[ ! -f /tmp/do$guest_n ] || {
				sh /tmp/do$guest_n >/tmp/out$guest_n 2>&1
				echo \$? >/tmp/rc$guest_n.new
				rm /tmp/do$guest_n
				mv /tmp/rc$guest_n.new /tmp/rc$guest_n; }
			sleep 0.02; done" >"/tmp/guest$guest_n.log" 2>&1 &
}

guest_up()
{
	grep -q up "/tmp/guest$1.log"
}

# in_guest N COMMAND..: its output and status.
in_guest()
{
	guest_n=$1
	shift
	rm -f "/tmp/rc$guest_n"
	echo "$*" >"/tmp/do$guest_n.new"
	mv "/tmp/do$guest_n.new" "/tmp/do$guest_n"
	until_true 20 test -f "/tmp/rc$guest_n" || return 1
	cat "/tmp/out$guest_n"
	return "$(cat "/tmp/rc$guest_n")"
}
