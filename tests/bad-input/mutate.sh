#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# mutate.sh - a few of the checks taken out: tests notice (all: make mutate)
cd "$(dirname "$0")/../.." || exit 1
N=3 exec sh scripts/mutate.sh
