# SPDX-License-Identifier: GPL-2.0-or-later
# What only IPv4 has.
:FORWARD
-p icmp --icmp-type echo-request -j DROP;-p icmp -m icmp --icmp-type 8 -j DROP;OK
-p icmp -m icmp --icmp-type 3/4 -j DROP;=;OK
-p icmp ! --icmp-type 8 -j DROP;-p icmp -m icmp ! --icmp-type 8 -j DROP;OK
-p icmp --icmp-type any -j DROP;-p icmp -m icmp --icmp-type any -j DROP;OK
-p icmp --icmp-type nothere -j DROP;;FAIL
-m iprange --src-range 10.0.0.1-10.0.0.9 -j DROP;=;OK
-m ttl --ttl-lt 5 -j DROP;=;OK
-j REJECT;-j REJECT --reject-with icmp-port-unreachable;OK
-j REJECT --reject-with icmp-admin-prohibited;=;OK
-j REJECT --reject-with nothere;;FAIL
-m statistic --mode nth --every 3 --packet 0 -j DROP;=;OK
*nat
:POSTROUTING
-s 10.0.0.0/24 ! -o br0 -j MASQUERADE;=;OK
