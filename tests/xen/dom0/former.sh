# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# former.sh - Linux's netfront takes a card that others had before it in the same guest
#
# After lies.sh, in its guest "liar": tests/xen/domu/former.c is who had it, as iPXE
# and as a kernel that is there no more, at kdump or kexec. Linux resets such a card
# at its boot in a guest with hardware's help; here former does it in its place.

# taken BY COMMAND: netfront takes the card, and everything passes. What netbackd
# holds of it is two rings and two ports, whatever was held for who had it before.
taken()
{
	ok "$1, then Linux" on liar "$2"
	ok "$1, then Linux: Connected" within 20 \
		state_is "$BACK/$(domid liar)/0" 4
	ok "$1, then Linux: it answers" answers 10.0.0.9
	passes "$1, then Linux" liar 10.0.0.9
	t_maps=${L_HELD#maps } t_ports=${L_HELD##* }
	t_maps=${t_maps%% *}
	same "$1, then Linux: held of it" \
		"maps $((t_maps + 2)) ports $((t_ports + 2))" \
		"$(held | sed 's/fds [0-9]* //')"
	same "$1, then Linux: never rung for nothing" 0 "$(bells liar)"
}

left()
{
	on liar 'echo vif-0 >/sys/bus/xen/drivers/vif/unbind'
	ok "$1: Linux lets it go, and nothing is held" within 10 held_is "$L_HELD"
}

F_BIND='echo vif-0 >/sys/bus/xen/drivers/vif/bind'

former()
{
	f_log=$(grep -cE 'error|warning' /tmp/netbackd.log)
	L_PROCESSES=$(processes)
	ok 'iPXE opens and closes the card, twice' on liar 'former ipxe'
	ok 'iPXE: nothing is held of it' within 5 held_is "$L_HELD"
	taken iPXE 'insmod /modules/xen-netfront.ko'
	left iPXE
	ok 'a kernel crashes, the next one resets the card' on liar 'former crash'
	taken 'a crash' "$F_BIND"
	# The old kernel's memory is given up: nobody minds.
	quiet on liar 'kill -9 $(pidof former)'
	ok 'a crash: it goes on' answers 10.0.0.9
	left 'a crash'
	ok 'kexec: the next kernel resets the card' on liar 'former kexec'
	taken kexec "$F_BIND"
	left kexec
	same 'nobody died of it' "$L_PROCESSES" "$(processes)"
	same 'netbackd does not complain of any' "$f_log" \
		"$(grep -cE 'error|warning' /tmp/netbackd.log)"
	same 'nor does the kernel' '' "$(complaints -c)"
	note 'others before Linux done'
}
