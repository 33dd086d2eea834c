#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# netback.sh - real Xen: netbackd as the backend, with our hotplug program
# takes 380 s
exec env SMP="${SMP:-1}" sh "$(dirname "$0")/boot.sh" netback
