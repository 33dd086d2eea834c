# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# lib.sh - what the scripts that run in dom0 share (after tests/lib.sh)
B=/nb/build
. /nb/tests/lib.sh
. /nb/tests/xen/words.sh
XEN=/usr/lib/xen-4.17/bin
ASK=$B/tests/xen/dom0/ask
# shellcheck disable=SC2034 # for who sources this
BACK=/local/domain/0/backend/vif
export PATH="$XEN:$PATH"

up()
{
	read -r up_s _ </proc/uptime
	echo "$up_s"
}

note()
{
	echo "# $(up) $*"
}

quiet()
{
	"$@" >/dev/null 2>&1
}

# What a Xen host starts at boot. xen_up oxenstored|xenstored OPTION..
xen_up()
{
	mkdir -p /var/lib/xenstored /var/log/xen
	x_store=$1
	shift
	"$XEN/$x_store" --pid-file /run/xenstore.pid "$@" \
		>/tmp/xenstored.log 2>&1
	within 10 xenstore-read / || return 1
	"$XEN/xen-init-dom0" >/tmp/init-dom0.log 2>&1
	"$XEN/xenconsoled" --pid-file /run/xenconsoled.pid --log=guest \
		--log-dir=/var/log/xen
	touch /etc/xen/xl.conf
	mkdir -p /opt/nb
	cp $B/vifhotplug /opt/nb/
	for n in vif-bridge vif-route vif-nat; do
		ln -sf vifhotplug /opt/nb/$n
	done
	sysctl -qw net.ipv6.conf.default.accept_dad=0
	ip link add xenbr0 address 02:00:00:00:00:01 type bridge
	ip addr add 10.0.0.1/24 dev xenbr0
	ip addr add fd00::1/64 dev xenbr0 nodad
	ip link set xenbr0 up
}

# A guest's kernel or its root, in memory: libxl maps these files, and page by page
# they come from the share a hundred times slower.
guest_file()
{
	[ -e "/tmp/$1" ] || cp "/share/guest/$1" /tmp/
	echo "/tmp/$1"
}

# guest NAME N VIF-WORDS..: /tmp/NAME.cfg of guest number N, 10.0.0.N and fd00::N.
# TYPE=pvh, VCPUS=, MEM=, EXTRA= (kernel's words), VIFS= (whole vif list),
# KERNEL= RAMDISK= (files of the share)
guest()
{
	g_mac=$(printf '00:16:3e:00:00:%02x' "$2")
	g_vif="'mac=$g_mac,bridge=xenbr0,script=/opt/nb/vif-bridge${3:+,$3}'"
	cat >"/tmp/$1.cfg" <<-END
	name = "$1"
	type = "${TYPE:-pv}"
	kernel = "$(guest_file "${KERNEL:-vmlinux}")"
	ramdisk = "$(guest_file "${RAMDISK:-domu.cpio.gz}")"
	extra = "console=hvc0 rdinit=/init mitigations=off nokaslr quiet loglevel=1 panic=-1 tsc=reliable net.ifnames=0 $(echo $WORDS) nb.name=$1 nb.ip=10.0.0.$2/24 nb.ip=fd00::$2/64 ${EXTRA:-}"
	memory = ${MEM:-256}
	vcpus = ${VCPUS:-1}
	vif = [ ${VIFS:-$g_vif} ]
	on_crash = "destroy"
	on_reboot = "destroy"
	END
}

# known NAME: of a guest that was made just now. A process is what takes time under
# emulation, so its number and its console are not asked for again and again.
known()
{
	rm -f "/tmp/$1.tty"
	xl domid "$1" >"/tmp/$1.id"
}

domid()
{
	read -r domid <"/tmp/$1.id" && echo "$domid"
}

# on NAME COMMAND: in the guest; its output and status. WAIT=seconds
on()
{
	if ! read -r on_tty 2>/dev/null <"/tmp/$1.tty"; then
		on_tty=$(xenstore-read \
			"/local/domain/$(domid "$1")/console/tty") || return 125
		echo "$on_tty" >"/tmp/$1.tty"
	fi
	$ASK "$on_tty" "${WAIT:-60}" "$2"
}

# within SECONDS COMMAND..: until_true counts polls, and some take a second. Five
# times that long before it is given up: SECONDS are of a quiet machine.
within()
{
	read -r w_now _ </proc/uptime
	w_end=$((${w_now%.*} + $1 * 5))
	shift
	until quiet "$@"; do
		read -r w_now _ </proc/uptime
		[ "${w_now%.*}" -lt $w_end ] || { "$@"; return; }
		sleep 0.1
	done
}

# answers ADDRESS [SECONDS]
answers()
{
	within "${2:-40}" ping -c 1 -W 1 "$1"
}

# What the kernel warns of, but for the machine being slow. -c: once.
complaints()
{
	dmesg "$@" -l err,warn | grep -vE 'hrtimer: interrupt took|clocksource:|timekeeping|perf: interrupt took|sched: RT throttling|workqueue: '
}

# A guest that is up has its console's loop running, too.
create()
{
	xl create -q "/tmp/$1.cfg" && known "$1"
}

state_is()
{
	[ "$(xenstore-read "$1/state" 2>/dev/null)" = "$2" ]
}

# Nothing of any vif in the store: neither side, nor libxl's own notes.
store_clean()
{
	! xenstore-ls -f / | grep -E '/(backend|device)/vif/[0-9]'
}

no_vifs()
{
	! ls -d /sys/class/net/vif* 2>/dev/null
}

# No domain of which something is held: zombies stay in the list.
no_zombies()
{
	[ "$(xl list | wc -l)" = 2 ]
}

# netbackd as the backend of all vifs; its log is /tmp/netbackd.log
netback_up()
{
	[ ! -d /sys/module/xen_netback ] || rmmod xen-netback || return 1
	modprobe tun
	$B/netbackd -v >>/tmp/netbackd.log 2>&1 &
	within 10 has_worker 0
}

show()
{
	printf '{"cmd":"show"}\n' | socat -t 5 - UNIX-CONNECT:/run/netback/control
}

netbackd_pid()
{
	show | sed -n '1s/.*"program": *"netbackd", *"pid": *\([0-9]*\).*/\1/p'
}

worker()
{
	show | sed -n '1s/.*"worker": *\([1-9][0-9]*\).*/\1/p'
}

has_worker()
{
	hw=$(worker) && [ -n "$hw" ] && [ "$hw" != "$1" ]
}
