# SPDX-License-Identifier: GPL-2.0-or-later
# What only IPv6 has.
:FORWARD
-p ipv6-icmp -m icmp6 --icmpv6-type 135 -j DROP;=;OK
-p icmpv6 --icmpv6-type echo-request -j DROP;-p ipv6-icmp -m icmp6 --icmpv6-type 128 -j DROP;OK
-p icmpv6 ! --icmpv6-type 1/3 -j DROP;-p ipv6-icmp -m icmp6 ! --icmpv6-type 1/3 -j DROP;OK
-m hl --hl-lt 5 -j DROP;=;OK
-j REJECT;-j REJECT --reject-with icmp6-port-unreachable;OK
-f -j DROP;;FAIL
