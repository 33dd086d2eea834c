# SPDX-License-Identifier: GPL-2.0-or-later
# Other matches and targets of both families.
:FORWARD
-m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT;=;OK
-m conntrack ! --ctstate INVALID -j ACCEPT;=;OK
-m conntrack --ctstate RELATED,ESTABLISHED -p tcp -j ACCEPT;-p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT;OK
-m state --state NEW -j ACCEPT;=;OK
-m mark --mark 0x5 -j DROP;=;OK
-m mark ! --mark 5/0xff -j DROP;-m mark ! --mark 0x5/0xff -j DROP;OK
-m mark --mark 0x0/0xff -j DROP;=;OK
-m comment --comment "hello world" -j DROP;=;OK
-m comment --comment plain -j DROP;=;OK
-m limit --limit 5/sec --limit-burst 7 -j DROP;=;OK
-m limit --limit 7/hour -j DROP;=;OK
-m limit --limit 1000/sec --limit-burst 1 -j DROP;=;OK
-m limit --limit 3/min -j DROP;=;OK
-m limit --limit 1/day -j DROP;=;OK;NFT
-m mac --mac-source 02:00:00:00:00:01 -j DROP;=;OK
-m pkttype --pkt-type multicast -j DROP;=;OK
-m length --length 64:128 -j DROP;=;OK
-p tcp -m conntrack --ctstate NEW -m tcp --dport 80 -m limit --limit 9/sec -m comment --comment web -j ACCEPT;=;OK
-g foo;=;OK
-j foo;=;OK
;=;OK
-j LOG;=;OK
-j LOG --log-prefix "a b";=;OK
-j LOG --log-level debug --log-prefix x --log-uid;-j LOG --log-prefix x --log-level 7 --log-uid;OK
-j NFLOG;=;OK
-j NFLOG --nflog-group 3 --nflog-prefix "a b";-j NFLOG --nflog-prefix "a b" --nflog-group 3;OK
-j NFLOG --nflog-group 3 --nflog-size 64 --nflog-threshold 5;=;OK
-p tcp -j REJECT --reject-with tcp-reset;=;OK
-j REJECT --reject-with tcp-reset;;FAIL
-m mark --mark x -j DROP;;FAIL
-m limit --limit 5/year -j DROP;;FAIL
-m limit ! --limit 5/sec -j DROP;;FAIL
-m conntrack --ctstate OPEN -j DROP;;FAIL
-m comment -j DROP;;FAIL
-m nothere -j DROP;;FAIL
-j LOG --log-level none;;FAIL
-j NFLOG --nflog-group 65536;;FAIL
--frob -j DROP;;FAIL
*mangle
:PREROUTING
-j MARK --set-xmark 0x5/0xff;=;OK
-m physdev --physdev-in vif1.0 -j MARK --set-xmark 0x1/0xffffffff;=;OK
-j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff;=;OK
*raw
:PREROUTING
-m physdev --physdev-in vif1.0 -j CT --zone 5;=;OK
-j CT --notrack;=;OK
