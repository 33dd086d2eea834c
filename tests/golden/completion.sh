#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# completion.sh - what bash completes is what vifctl says of itself
. "$(dirname "$0")/../lib.sh"
words=$ROOT/scripts/vifctl.bash
out=$(mktemp -d)
trap 'rm -r "$out"' EXIT
vifctl help >"$out/help"

# said LIST: one of the script's lists; one word a line
said()
{
	bash -c '. "$1"; printf "%s\n" ${!2}' - "$words" "$1" | sort
}
# offers WORD..: what is offered for the last of them
offers()
{
	bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _vifctl
		printf "%s\n" "${COMPREPLY[@]}"' "$words" vifctl "$@" | sort | xargs
}
verbs()
{
	sed -n '/^usage/d; /^keys:/q; s/^  \([a-z][a-z]*\) .*/\1/p' "$out/help" | sort
}
# The words that stand where a verb's first argument would.
firsts()
{
	vifctl help "$1" | sed -n '1s/^usage: vifctl [a-z]* \([^ ]*\).*/\1/p' |
		tr -d '[]' | tr '|' '\n' | grep -x '[a-z]*'
}

same 'verbs: those of help' "$(verbs)" "$(said _vifctl_verbs)"
same 'options: those that are parsed' \
	"$(sed -n 's/^\t\t{ "\([a-z-]*\)", [a-z]*_argument, .*/--\1/p' \
		"$ROOT/netback/ctl/vifctl.c" | sort)" "$(said _vifctl_options)"
same 'keys: those of help' \
	"$(sed -n '/^keys:/,/^exit/s/^  \([a-z][a-z_, ]*\)=.*/\1/p' "$out/help" |
		tr -d ' ' | tr ',' '\n' | sort)" "$(said _vifctl_keys)"
same '.. which are those that are parsed' \
	"$(sed -n '/^const char \*const vif_keys/,/};/p' "$ROOT/netback/base/vif.c" |
		grep -o '"[a-z_]*"' | tr -d '"' | sort)" "$(said _vifctl_keys)"
for verb in $(verbs); do
	[ "$verb" != help ] || continue
	vifctl help "$verb" >"$out/verb"
	has=$(bash -c '. "$0"; _vifctl_second "$1"' "$words" "$verb")
	bad=
	for w in $(firsts "$verb"); do
		case " $has " in
		*" $w "*) ;;
		*) bad="$bad -$w" ;;
		esac
	done
	for w in $has; do
		grep -qw -e "$w" "$out/verb" || bad="$bad +$w"
	done
	[ -z "$has$(firsts "$verb")" ] || same "$verb: its own words" '' "$bad"
done
same 'a verb begins' 'detach doctor drops' "$(offers d | tr ' ' '\n' | grep -v daemon | xargs)"
same 'options before it are passed over' repair "$(offers --run /tmp --json rep)"
same 'allow= has what is parsed' \
	"$(sed -n '/^} vif_allows/,/^};/s/.*{ "\([a-z-]*\)",.*/\1/p' \
		"$ROOT/netback/base/vif_guard.c" | sort | xargs)" \
	"$(bash -c '. "$0"; _vifctl_value allow' "$words" | tr ' ' '\n' | sort | xargs)"
same 'a key' 'gateway= gatewaydev=' "$(offers attach vif1.0 gate)"
same 'a value' nat "$(offers attach vif1.0 mode = n)"
same 'at once' 'no yes' "$(offers attach vif1.0 mac=x isolated =)"
same 'a second word' 'pause' "$(offers guard pa)"
same 'move: one key' 'bridge=' "$(offers move vif1.0 '')"
done_testing
