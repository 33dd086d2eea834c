# SPDX-License-Identifier: GPL-2.0-or-later
# The frame of a rule, IPv4. rule;as iptables prints it (= the same);OK or FAIL
:FORWARD
-j ACCEPT;=;OK
-j DROP;=;OK
-j RETURN;=;OK
-s 10.0.0.5 -j DROP;-s 10.0.0.5/32 -j DROP;OK
! -s 10.0.0.5 -d 10.1.0.0/16 -j DROP;! -s 10.0.0.5/32 -d 10.1.0.0/16 -j DROP;OK
-s 10.0.0.77/20 -j DROP;-s 10.0.0.0/20 -j DROP;OK
-s 10.0.0.0/255.0.255.0 -j DROP;=;OK
-d 10.0.0.0/9 -j ACCEPT;-d 10.0.0.0/9 -j ACCEPT;OK
-s 0.0.0.0/0 -j DROP;-j DROP;OK
-p tcp -j DROP;=;OK
! -p udp -j DROP;=;OK
-p 47 -j DROP;-p gre -j DROP;OK
-p 254;=;OK
-p icmp -s 10.0.0.1/32 -j DROP;-s 10.0.0.1/32 -p icmp -j DROP;OK
-f -j DROP;=;OK
! -f -j DROP;=;OK
-s host.invalid -j DROP;;FAIL
-s 10.0.0.1/33 -j DROP;;FAIL
-s fd00::1 -j DROP;;FAIL
! -p all -j DROP;;FAIL
-p 256 -j DROP;;FAIL
! -s 10.0.0.1,10.0.0.2 -j DROP;;FAIL
-j nothere;;FAIL
-j DROP -j DROP;;FAIL
:FORWARD
-i eth0 -o br+ -j DROP;=;OK
! -i eth0 ! -o br+ -j DROP;=;OK
-i eth0 -o abcdefghijklmno -p tcp -j DROP;=;OK
-i abcdefghijklmnop -j DROP;;FAIL
:INPUT
-i vif1.+ -p udp -j RETURN;=;OK
