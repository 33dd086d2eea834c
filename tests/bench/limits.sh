#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# limits.sh - hold results against floors: a ratio below its floor fails
#
#   limits.sh RESULTS.csv LIMITS.txt
#
# A row that has a floor and is not there fails, too: nothing is lost silently.
set -eu
awk -F '[, ]+' -v name="$1" '
	FNR == 1 { file++ }
	/^#/ || /^$/ { next }
	file == 1 { floor[$1 "," $2] = $3; next }
	{ ratio[$1 "," $2] = $NF }
	END {
		for (k in floor) {
			if (k in ratio && ratio[k] + 0 >= floor[k] + 0)
				continue
			printf "bench: %s: %s: ratio %s, its floor is %s\n",
				name, k, k in ratio ? ratio[k] : "missing",
				floor[k]
			bad = 1
		}
		exit bad
	}' "$2" "$1"
