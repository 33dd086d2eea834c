# SPDX-License-Identifier: GPL-2.0-or-later
# Ports of a bridge.
:FORWARD
-m physdev --physdev-in vif1.0 -j DROP;=;OK
-m physdev ! --physdev-in vif1.0 -j DROP;=;OK
-m physdev --physdev-out vif2.0 --physdev-is-bridged -j DROP;=;OK
-m physdev ! --physdev-out vif2.0 -j DROP;=;OK
-m physdev --physdev-in vif1.+ --physdev-out vif2.0 -j RETURN;=;OK
-m physdev --physdev-is-bridged --physdev-is-out --physdev-out b --physdev-is-in --physdev-in a -j DROP;-m physdev --physdev-is-in --physdev-in a --physdev-is-out --physdev-out b --physdev-is-bridged -j DROP;OK
-m physdev ! --physdev-is-bridged -j DROP;=;OK
-m physdev ! --physdev-is-in -j DROP;=;OK
-m physdev --physdev-in abcdefghijklmno -j DROP;=;OK
-p tcp -m tcp --dport 5201 -m physdev --physdev-in vif1.0 --physdev-is-bridged -j DROP;=;OK
-m physdev --physdev-in vif1.0 -p udp --dport 53 -j ACCEPT;-p udp -m physdev --physdev-in vif1.0 -m udp --dport 53 -j ACCEPT;OK
-m physdev;;FAIL
-m physdev --physdev-in abcdefghijklmnop -j DROP;;FAIL
-m physdev --physdev-in a --physdev-in b -j DROP;;FAIL
--physdev-in a -j DROP;;FAIL
-m physdev --physdev-in;;FAIL
:INPUT
-m physdev --physdev-in vif1.0 -j DROP;=;OK
:OUTPUT
-m physdev --physdev-out vif1.0 -j DROP;;FAIL
-m physdev --physdev-is-out -j DROP;;FAIL
