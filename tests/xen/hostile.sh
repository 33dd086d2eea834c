#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hostile.sh - real Xen: a guest lies with real grants and events
# takes 210 s
exec env SMP="${SMP:-1}" sh "$(dirname "$0")/boot.sh" hostile
