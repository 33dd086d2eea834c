# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# words.sh - what dom0's kernel and the guests' are told because they are emulated
#
# A processor that QEMU did not get for a while looks stuck to the kernel, which
# then writes stacks into its log: where that is looked at a busy machine would fail
# tests. And time: pages of the kernel's own stay writable, since each change is a
# request to Xen and all are looked through afterwards; nobody waits for RCU longer
# than must be. A program lies where it lay the last time: QEMU translates code again
# for each address that it is found at, which was two thirds of what a process cost.
# shellcheck disable=SC2034 # for who sources this
WORDS='nowatchdog norandmaps rcupdate.rcu_cpu_stall_suppress=1
sysctl.kernel.hung_task_timeout_secs=0 rodata=off rcupdate.rcu_expedited=1'
