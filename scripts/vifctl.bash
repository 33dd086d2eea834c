# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# vifctl.bash - bash completes vifctl's words
#
# tests/golden/completion.sh holds them equal to what `vifctl help` says.

_vifctl_verbs='attach set apply move detach plan show check repair doctor gc
	network rules rule daemon import explain drops watch guard bridge log hotplug
	capture help'
_vifctl_options='--run --wait --json --verbose --dry-run --help --version'
_vifctl_keys='mac mode network bridge gatewaydev gateway vifname ip pair allow
	accept mtu isolated hairpin flood mcast_flood bcast_flood vlan rate create
	link packets connections rules direct'

# The words that may follow a verb.
_vifctl_second()
{
	case $1 in
	network) echo 'add set delete show list apply' ;;
	rules) echo 'check print apply add' ;;
	rule) echo 'add insert delete replace check list save restore flush variant' ;;
	show) echo 'stats ring metrics' ;;
	watch) echo 'guard hotplug' ;;
	guard) echo 'pause resume' ;;
	bridge) echo 'close open show' ;;
	daemon) echo 'upgrade' ;;
	hotplug) echo 'online offline' ;;
	explain) echo '--in --out --smac --dmac --mark --hex --pcap' ;;
	help) echo "$_vifctl_verbs" ;;
	esac
}

# The values of a key, where they are known.
_vifctl_value()
{
	local d

	case $1 in
	mode) echo 'bridge route nat' ;;
	isolated | hairpin | flood | mcast_flood | bcast_flood | create | direct) echo 'yes no' ;;
	link) echo 'up down' ;;
	accept) echo 'never auto always' ;;
	allow) echo 'dhcp-server router shared' ;;
	ip) echo 'learn dhcp' ;;
	bridge)
		for d in /sys/class/net/*/bridge; do
			[ ! -d "$d" ] || basename "${d%/bridge}"
		done
		;;
	network)
		for d in "${NETBACK_RUN:-/run/netback}"/net/*; do
			[ ! -d "$d" ] || basename "$d"
		done
		;;
	esac
}

_vifctl_devices()
{
	local d

	for d in /sys/class/net/*; do
		basename "$d"
	done
}

_vifctl_vifs()
{
	_vifctl_devices | grep -E '^vif[0-9]+\.[0-9]+$'
}

# What may stand at a place: the verb, how many words follow it before this one.
_vifctl_words()
{
	case $1 in
	'') echo "$_vifctl_verbs $_vifctl_options" ;;
	attach | set | plan | move | detach | check | repair | capture)
		[ "$2" != 0 ] || _vifctl_vifs
		;;
	show)
		[ "$2" != 0 ] || _vifctl_second show
		_vifctl_vifs
		;;
	guard)
		if [ "$2" = 0 ]; then _vifctl_second guard; else _vifctl_vifs; fi
		;;
	bridge)
		if [ "$2" = 0 ]; then _vifctl_second bridge; else _vifctl_value bridge; fi
		;;
	network)
		if [ "$2" = 0 ]; then _vifctl_second network; else _vifctl_value network; fi
		;;
	explain)
		_vifctl_second explain
		_vifctl_devices
		;;
	drops | log) _vifctl_devices ;;
	*) [ "$2" != 0 ] || _vifctl_second "$1" ;;
	esac
	case $1/$2 in
	move/1) echo 'bridge=' ;;
	attach/0 | set/0 | plan/0) ;;
	attach/* | set/* | plan/*) printf '%s=\n' $_vifctl_keys ;;
	esac
}

_vifctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local verb='' key='' i n=0

	COMPREPLY=()
	# bash takes key=value for three words
	if [ "$cur" = = ]; then
		key=$prev cur=''
	elif [ "$prev" = = ] && [ "$COMP_CWORD" -ge 2 ]; then
		key=${COMP_WORDS[COMP_CWORD - 2]}
	elif [ "$prev" = --run ]; then
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--run | --wait | -r | -w) [ -n "$verb" ] || i=$((i + 1)) ;;
		-* | =) ;;
		*)
			if [ -n "$verb" ]; then n=$((n + 1)); else verb=${COMP_WORDS[i]}; fi
			;;
		esac
	done
	if [ -n "$key" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_vifctl_value "$key")" -- "$cur")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$(_vifctl_words "$verb" "$n")" -- "$cur")
	case ${COMPREPLY[0]-} in
	*=) compopt -o nospace 2>/dev/null ;;
	esac
}

complete -o default -F _vifctl vifctl
