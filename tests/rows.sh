# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# rows.sh - claims, lies and framings, for tests that judge frames
#
# $ME is the guest's MAC, 10.0.0.5 and fd00::5 are its addresses, $LL6 its
# link-local one; $YOU is another's MAC.
ME=02:00:00:00:00:01
YOU=02:00:00:00:00:02
LL6=fe80::ff:fe00:1

# claim lie verdict destination source type and the rest. FORGED is a MAC that
# is nobody's, another one in each row.
claims()
{
	cat <<-END
	arp none pass $1 $ME 0806 arp 1 $ME 10.0.0.5
	arp mac drop $1 FORGED 0806 arp 1 $ME 10.0.0.5
	arp sender drop $1 $ME 0806 arp 1 $YOU 10.0.0.5
	arp address drop $1 $ME 0806 arp 1 $ME 10.0.0.7
	arp victim drop $1 $ME 0806 arp 2 $ME 10.0.0.6
	gratuitous none pass $1 $ME 0806 arpto 1 $ME 10.0.0.5 10.0.0.5
	gratuitous address drop $1 $ME 0806 arpto 2 $ME 10.0.0.6 10.0.0.6
	probe none pass $1 $ME 0806 arpto 1 $ME 0.0.0.0 10.0.0.5
	probe address drop $1 $ME 0806 arpto 1 $ME 0.0.0.0 10.0.0.6
	probe mac drop $1 FORGED 0806 arpto 1 $ME 0.0.0.0 10.0.0.5
	ip none pass $1 $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	ip mac drop $1 FORGED 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	ip address drop $1 $ME 0800 ip4 10.0.0.6 10.0.0.9 17 udp 9 9
	ip fragment pass $1 $ME 0800 4500 001c 0001 2001 4011 0000 0a000005 0a000006 0000000000000000
	ip fragment-address drop $1 $ME 0800 4500 001c 0001 2001 4011 0000 0a000007 0a000006 0000000000000000
	discover none pass $1 $ME 0800 ip4 0.0.0.0 255.255.255.255 17 udp 68 67 pad 28 $ME pad 206
	discover mac drop $1 FORGED 0800 ip4 0.0.0.0 255.255.255.255 17 udp 68 67 pad 28 $ME pad 206
	discover unicast drop $1 $ME 0800 ip4 0.0.0.0 10.0.0.6 17 udp 68 67 pad 28 $ME pad 206
	offer none drop $1 $ME 0800 ip4 10.0.0.5 255.255.255.255 17 udp 67 68 pad 240
	offer address drop $1 $ME 0800 ip4 10.0.0.1 255.255.255.255 17 udp 67 68 pad 240
	offer fragment drop $1 $ME 0800 4500 0024 0001 2000 4011 0000 0a000005 ffffffff 0043 0044 0100 0000 pad 8
	ip6 none pass $1 $ME 86dd ip6 fd00::5 fd00::6 17 udp 9 9
	ip6 mac drop $1 FORGED 86dd ip6 fd00::5 fd00::6 17 udp 9 9
	ip6 address drop $1 $ME 86dd ip6 fd00::6 fd00::9 17 udp 9 9
	ip6 linklocal drop $1 $ME 86dd ip6 fe80::6 fd00::9 17 udp 9 9
	ip6 fragment pass $1 $ME 86dd ip6 fd00::5 fd00::6 44 frag6 17 0 1 udp 9 9 pad 16
	ip6 no-upper drop $1 $ME 86dd ip6 fd00::5 fd00::6 44 frag6 60 0 1
	ip6 header pass $1 $ME 86dd ip6 fd00::5 fd00::6 60 dst6 17 udp 9 9
	dad none pass $1 $ME 86dd ip6 :: ff02::1:ff00:5 58 nd 135 fd00::5
	dad target drop $1 $ME 86dd ip6 :: ff02::1:ff00:6 58 nd 135 fd00::6
	dad mac drop $1 FORGED 86dd ip6 :: ff02::1:ff00:5 58 nd 135 fd00::5
	ns none pass $1 $ME 86dd ip6 fd00::5 ff02::1 58 nd 135 fd00::6 opt 1 $ME
	ns second pass $1 $ME 86dd ip6 fd00::5 ff02::1 58 nd 135 fd00::6 other 14 1 opt 1 $ME
	ns option drop $1 $ME 86dd ip6 fd00::5 ff02::1 58 nd 135 fd00::6 opt 1 $YOU
	ns option-second drop $1 $ME 86dd ip6 fd00::5 ff02::1 58 nd 135 fd00::6 other 14 1 opt 1 $YOU
	ns option-third drop $1 $ME 86dd ip6 fd00::5 ff02::1 58 nd 135 fd00::6 opt 1 $ME other 14 1 opt 1 $YOU
	ns option-behind-long drop $1 $ME 86dd ip6 fd00::5 ff02::1 58 nd 135 fd00::6 other 14 2 opt 1 $YOU
	ns address drop $1 $ME 86dd ip6 fd00::6 ff02::1 58 nd 135 fd00::7 opt 1 $ME
	ns fragment drop $1 $ME 86dd ip6 fd00::5 ff02::1 44 frag6 58 0 0 nd 135 fd00::6 opt 1 $YOU
	ns header drop $1 $ME 86dd ip6 fd00::5 ff02::1 60 dst6 58 nd 135 fd00::6 opt 1 $YOU
	na none pass $1 $ME 86dd ip6 fd00::5 ff02::1 58 nd 136 fd00::5 opt 2 $ME
	na target drop $1 $ME 86dd ip6 fd00::5 ff02::1 58 nd 136 fd00::6 opt 2 $ME
	na option drop $1 $ME 86dd ip6 fd00::5 ff02::1 58 nd 136 fd00::5 opt 2 $YOU
	na option-second drop $1 $ME 86dd ip6 fd00::5 ff02::1 58 nd 136 fd00::5 other 14 1 opt 2 $YOU
	na mac drop $1 FORGED 86dd ip6 fd00::5 ff02::1 58 nd 136 fd00::5 opt 2 $ME
	rs none pass $1 $ME 86dd ip6 $LL6 ff02::2 58 8500 0000 pad 4 opt 1 $ME
	rs option drop $1 $ME 86dd ip6 $LL6 ff02::2 58 8500 0000 pad 4 opt 1 $YOU
	ra none drop $1 $ME 86dd ip6 $LL6 ff02::1 58 8600 1234 pad 12
	ra header drop $1 $ME 86dd ip6 $LL6 ff02::1 0 hbh 60 dst6 58 8600 1234 pad 12
	ra fragment drop $1 $ME 86dd ip6 $LL6 ff02::1 44 frag6 58 0 1 8600 1234 pad 12
	redirect none drop $1 $ME 86dd ip6 $LL6 ff02::1 58 8900 0000 pad 36
	dhcp6 none pass $1 $ME 86dd ip6 $LL6 ff02::1:2 17 udp 546 547 pad 20
	dhcp6-reply none drop $1 $ME 86dd ip6 $LL6 ff02::1 17 udp 547 546 pad 20
	dhcp6-reply header drop $1 $ME 86dd ip6 $LL6 ff02::1 60 dst6 17 udp 547 546 pad 20
	dhcp6-reply address drop $1 $ME 86dd ip6 fd00::5 fd00::6 17 udp 547 546 pad 20
	dhcp6-reply port drop $1 $ME 86dd ip6 $LL6 ff02::1 17 udp 9 546 pad 20
	dhcp6-reply fragment drop $1 $ME 86dd ip6 $LL6 ff02::1 44 frag6 17 0 1 udp 547 546 pad 24
	dhcp6-reply atomic drop $1 $ME 86dd ip6 $LL6 ff02::1 44 frag6 17 0 0 udp 547 546 pad 24
	dhcp6-reply headers drop $1 $ME 86dd ip6 $LL6 ff02::1 0 hbh 60 dst6 17 udp 547 546 pad 20
	END
}

# name, and what the words before the type become, if it passes at all. Behind
# a tag of any kind or in LLC nothing does; padded or large, what was true stays.
framed()
{
	claims $1 | awk '
	function row(frame, may, tag, rest) {
		n++
		src = $5
		if (src == "FORGED")
			src = sprintf("02:00:00:02:%02x:%02x", n / 256, n % 256)
		want = may ? $3 : "drop"
		printf "%s.%s.%s %s %s %s %s", $1, $2, frame, want, $4, src, tag
		for (i = 6; i <= NF; i++)
			printf " %s", $i
		print rest
	}
	{
		row("plain", 1, "", "")
		row("padded", 1, "", " end pad 60")
		row("jumbo", 1, "", " end pad 8000")
		row("vid5", 0, "8100 0005", "")
		row("vid4095", 0, "8100 0fff", "")
		row("vid0", 0, "8100 0000", "")
		row("vid0-priority", 0, "8100 e000", "")
		row("vid0-twice", 0, "8100 0000 8100 0000", "")
		row("ad", 0, "88a8 0005", "")
		row("ad-vid0", 0, "88a8 0000 8100 0000", "")
		row("snap", 0, "0100 aaaa03 000000", "")
		row("snap-vid0", 0, "8100 0000 0100 aaaa03 000000", "")
	}'
}
