#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# driver.sh - real Xen: netbackd and xl devd in a driver domain
# takes 200 s
exec env SMP="${SMP:-1}" sh "$(dirname "$0")/boot.sh" driver
