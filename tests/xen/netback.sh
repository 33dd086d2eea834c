#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# netback.sh - real Xen: netbackd as the backend, with our hotplug program
exec sh "$(dirname "$0")/boot.sh" netback
