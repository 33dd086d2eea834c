#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# host.sh - dom0's kernel without Xen: the suites of modes, guard and rules
# takes 205 s for the order: a little more, but begun when netback has ended, with
# driver beside it, it ends when that does
exec env SMP="${SMP:-1}" sh "$(dirname "$0")/boot.sh" host
