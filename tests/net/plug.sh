#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# plug.sh - vifctl watch hotplug: xl devd's job for vifs, in one process
#
# Taps stand in for the kernel's vifs and this script for libxl. Many at once, none
# lost and no process made; the store restarts; what is not ours is left alone.
. "$(dirname "$0")/../lib.sh"
private "$@"
export XENSTORED_PATH=$RUN/store
BACK=/local/domain/0/backend/vif
MANY=${MANY:-100}

# backend D [KEY VALUE ..]: as libxl makes it, the device there already
backend()
{
	d=$1
	shift
	xenstore-write "$BACK/$d/0/frontend-id" "$d" "$BACK/$d/0/handle" 0 \
		"$BACK/$d/0/mac" "$(printf '00:16:3e:00:%02x:%02x' $((d / 256)) $((d % 256)))" \
		"$BACK/$d/0/bridge" br0 "$BACK/$d/0/type" vif \
		"$BACK/$d/0/script" /etc/xen/scripts/vif-bridge \
		"$BACK/$d/0/online" 1 "$BACK/$d/0/hotplug-status" '' \
		"/local/domain/$d/device/vif/0/mtu" 1500
	while [ $# -gt 0 ]; do
		xenstore-write "$BACK/$d/0/$1" "$2"
		shift 2
	done
	xenstore-write "$BACK/$d/0/state" 2
}
node()
{
	xenstore-read "$BACK/$1"
}
status()
{
	test "$(node "$1/0/hotplug-status")" = "$2"
}
leave()
{
	xenstore-write "$BACK/$1/0/online" 0 "$BACK/$1/0/state" 6
}
no_dir()
{
	! xenstore-exists "$BACK/$1"
}
port()
{
	test -e "/sys/class/net/$1/brif/$2"
}
said()
{
	grep -q "$1" /tmp/watch
}

netbackd --store --run "$RUN" 2>/tmp/store.log &
store=$!
until_true 5 xenstore-ls
ip link add br0 type bridge
ip link set br0 up
ip tuntap add dev vif1.0 mode tap
backend 1
vifctl watch hotplug >/tmp/watch 2>&1 &
watch=$!
ok 'one that was there before' until_true 5 status 1 connected
ok 'it is a port' port br0 vif1.0
ok 'it has its guard' nft list table netdev netback-vif1.0
same 'the guest is told its mtu' 1500 "$(xenstore-read /local/domain/1/device/vif/0/mtu)"
ip tuntap add dev vif2.0 mode tap
backend 2 vifname web ip 10.0.0.2
ok 'one that comes' until_true 5 status 2 connected
ok 'under its own name' port br0 web
leave 2
ok 'it goes, its directory last' until_true 5 no_dir 2
ok 'it is no port' fails port br0 web
ok 'its guard is gone' fails nft list table netdev netback-web
ok 'the device has its first name' test -e /sys/class/net/vif2.0

backend 2 bridge br9
ok 'a bridge that is missing' until_true 5 status 2 error
ok 'the reason is in the store' sh -c "xenstore-read $BACK/2/0/hotplug-error | grep -q 'br9: no such device'"
ok 'and said' said 'vif2.0 hotplug=failed .*br9'
xenstore-write "$BACK/2/0/bridge" br0 "$BACK/2/0/hotplug-status" ''
ok 'the toolstack tries again' until_true 5 status 2 connected
ip link del vif2.0
xenstore-rm "$BACK/2"
ok 'its directory goes first' until_true 5 said 'vif2.0 hotplug=offline'
ok 'its guard is gone' until_true 5 fails nft list table netdev netback-vif2.0

# --- by other scripts, and an emulated card beside one ---
ip link add up0 type veth peer name up1
ip addr add 192.0.2.1/24 dev up0
ip link set up0 up
for n in 7 8 9; do ip tuntap add dev vif$n.0 mode tap; done
ip tuntap add dev vif9.0-emu mode tap
backend 7 script /etc/xen/scripts/vif-route ip 10.7.0.2 gatewaydev up0
ok 'one that is routed' until_true 5 status 7 connected
ok 'it has its route' sh -c 'ip route show 10.7.0.2 | grep -q "dev vif7.0"'
backend 8 script vif-nat ip 10.8.0.2 gatewaydev up0
ok 'one of mode nat' until_true 5 status 8 connected
ok 'it has its table' nft list table inet netback-nat
backend 9 type vif_ioemu
ok 'one with an emulated card' until_true 5 status 9 connected
ok 'its tap is a port, too' until_true 5 port br0 vif9.0-emu
ok 'with a guard' nft list table netdev netback-vif9.0-emu
leave 7
leave 8
xenstore-rm "$BACK/9"
ok 'the routed one goes' until_true 5 no_dir 7
ok 'the other, too' until_true 5 no_dir 8
same 'no route is left' '' "$(ip route show dev vif7.0; ip route show dev vif8.0)"
ok 'a directory goes first' until_true 5 said 'vif9.0 hotplug=offline'
ok 'the tap is no port' until_true 5 fails port br0 vif9.0-emu
# The port goes before the guard does.
guarded()
{
	nft list tables | grep -E 'vif[789]'
}
ok 'no guard is left of them' until_true 5 fails guarded
for n in 7.0 8.0 9.0 9.0-emu; do ip link del vif$n; done

ip tuntap add dev vif3.0 mode tap
backend 3 script /etc/xen/scripts/vif-other
backend 4 script ''
backend 5 bridge '$(touch /tmp/x)'
ok 'a hostile bridge' until_true 5 status 5 error
ok 'is not evaluated' test ! -e /tmp/x
ok 'a script that is not ours is left alone' status 3 ''
ok 'so is a vif without one' status 4 ''
xenstore-write "$BACK/x" 1 "$BACK/1/y" 1 "$BACK/99999/0/state" 2 "$BACK/1/99999/state" 2
ok 'numbers that are none do no harm' sh -c "kill -0 $watch"
xenstore-rm "$BACK/x"
xenstore-rm "$BACK/1/y"
xenstore-rm "$BACK/99999"
xenstore-rm "$BACK/1/99999"

# --- the store restarts: its keeper starts it again, with what it held ---
pkill -KILL -P "$store" || :
ip tuntap add dev vif6.0 mode tap
until_true 5 xenstore-ls
backend 6
ok 'one that comes after the store was killed' until_true 10 status 6 connected
leave 1
ok 'one from before goes' until_true 10 no_dir 1

# --- the watch restarts: it knows what is online ---
kill -KILL $watch
wait $watch 2>/dev/null
leave 6
vifctl watch hotplug >/tmp/watch 2>&1 &
watch=$!
ok 'one that left meanwhile' until_true 5 no_dir 6
ok 'it is no port' fails port br0 vif6.0

# --- many at once ---
if ! strace -o /dev/null true 2>/dev/null; then
	skip 'no process made' 'strace cannot attach here'
else
	strace -f -e trace=execve,fork,vfork,clone,clone3 -o /tmp/trace -p $watch \
		2>/tmp/strace.log &
	strace=$!
	until_true 5 grep -q attached /tmp/strace.log
fi
for n in $(seq 1000 $((999 + MANY))); do
	echo "tuntap add dev vif$n.0 mode tap"
done | ip -batch -
for n in $(seq 1000 $((999 + MANY))); do
	backend "$n"
done
all()
{
	test "$(grep -c 'hotplug=online' /tmp/watch)" = "$MANY"
}
ok "$MANY at once: all online" until_true 30 all
same 'none failed' 0 "$(grep -c failed /tmp/watch)"
same 'all are ports' "$MANY" "$(ls /sys/class/net/br0/brif | wc -l)"
for n in $(seq 1000 $((999 + MANY))); do
	leave "$n"
done
left()
{
	for n in $(seq 1000 $((999 + MANY))); do
		no_dir "$n" || return 1
	done
}
ok 'all go' until_true 30 left
same 'no guard is left' 0 "$(nft list tables | grep -c 'netback-vif1[0-9][0-9][0-9]')"
same 'none is a port' 0 "$(ls /sys/class/net/br0/brif | wc -l)"
if [ -n "${strace:-}" ]; then
	kill -INT $strace
	wait $strace 2>/dev/null
	same 'no process made' 0 "$(grep -cE '(execve|fork|clone)' /tmp/trace)"
fi
kill -TERM $watch
wait $watch
same 'it ends by a signal' 0 $?
done_testing
