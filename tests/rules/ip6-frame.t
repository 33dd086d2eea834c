# SPDX-License-Identifier: GPL-2.0-or-later
# The frame of a rule, IPv6.
:OUTPUT
-j ACCEPT;=;OK
-s fd00::1 -j DROP;-s fd00::1/128 -j DROP;OK
! -s fd00::/64 -d fd00:0:0:1::/63 -j DROP;! -s fd00::/64 -d fd00::/63 -j DROP;OK
-s fd00::/61 -j DROP;=;OK
-s fd00::/ffff:0:ffff:: -j DROP;=;OK
-s ::/0 -j DROP;-j DROP;OK
-p ipv6-icmp -j DROP;=;OK
-p icmp -j DROP;=;OK
-p tcp -s fe80::1 -j ACCEPT;-s fe80::1/128 -p tcp -j ACCEPT;OK
-s 10.0.0.1 -j DROP;;FAIL
-s fd00::/129 -j DROP;;FAIL
:FORWARD
-i vif1.0 -o br0 -j DROP;=;OK
