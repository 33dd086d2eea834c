#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# do.sh - a command in the dom0 that `boot.sh shell` started; `do.sh off` ends it
set -eu
cd "$(dirname "$0")/../.."
share=${XEN_CACHE:-$PWD/build/xen}/shell/share
if [ "$*" = off ]; then
	: >"$share/in/off"
	exit 0
fi
n=do.$$
printf '%s\n' "$*" >"$share/in/$n"
mv "$share/in/$n" "$share/in/$n.sh"
while ! grep -q '^rc ' "$share/out/$n" 2>/dev/null; do
	sleep 0.2
done
cat "$share/out/$n"
