#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# kernel.sh - real Xen: the kernel's xen-netback with our hotplug program
# takes 230 s
exec env SMP="${SMP:-1}" sh "$(dirname "$0")/boot.sh" kernel
