#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# install.sh - install puts down what it says, uninstall takes it all away
. "$(dirname "$0")/../lib.sh"
private "$@"

DEST=$TMPDIR/dest
want='/usr/bin/vifguest
/usr/lib/netback/scripts/qemu-ifdown
/usr/lib/netback/scripts/qemu-ifup
/usr/lib/netback/scripts/vif-bridge
/usr/lib/netback/scripts/vif-nat
/usr/lib/netback/scripts/vif-route
/usr/lib/netback/scripts/vif-setup
/usr/lib/netback/vifhotplug
/usr/sbin/netbackd
/usr/sbin/vifctl
/usr/share/bash-completion/completions/vifctl
/usr/share/man/man1/vifguest.1
/usr/share/man/man8/netbackd.8
/usr/share/man/man8/vif-bridge.8
/usr/share/man/man8/vifctl.8'

files()
{
	find "$DEST" ! -type d | sed "s|^$DEST||" | sort
}

make_it()
{
	make -s -C "$ROOT" "$1" B="${B#"$ROOT"/}" DESTDIR="$DEST" PREFIX=/usr
}

# The hotplug programs alone, and nothing of Xen's or Debian's place.
ok 'install-hotplug' make_it install-hotplug
same 'vif-bridge and its like, and what they are links to' "$(files)" \
	"$(echo "$want" | grep -E '/lib/netback/|vif-bridge.8')"
ok 'it runs alone' "$DEST/usr/lib/netback/scripts/vif-bridge" add type_if=vif
rm -r "$DEST"

# A stranger's file in the same folder must stay.
mkdir -p "$DEST/usr/bin"
ok 'install' make_it install
same 'it installed what it should' "$(files)" "$want"
ok 'an installed program runs' "$DEST/usr/bin/vifguest" --help
ok 'an installed hotplug name does nothing for a wrong pair' \
	"$DEST/usr/lib/netback/scripts/vif-bridge" add type_if=vif
ok 'an installed page reads' mandoc -T lint -W error \
	"$DEST/usr/share/man/man8/vifctl.8"
ok 'install again' make_it install
ok 'install units' make_it install-units
same 'each names a program that is installed' '' "$(
	sed -n 's/^Exec[A-Za-z]*=\([^ ]*\).*/\1/p' \
		"$DEST"/usr/lib/systemd/system/*.service |
	while read -r p; do [ -x "$DEST$p" ] || echo "$p"; done)"
same 'netbackd has its descriptors kept' 1 \
	"$(grep -c '^FileDescriptorStoreMax=[1-9]' \
		"$DEST/usr/lib/systemd/system/netbackd.service")"
touch "$DEST/usr/bin/stranger"
ok 'uninstall' make_it uninstall
same 'only the stranger is left' "$(files)" /usr/bin/stranger
ok 'uninstall of what is gone' make_it uninstall
done_testing
