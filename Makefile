# SPDX-License-Identifier: GPL-2.0-or-later
# Netback: one Makefile, not recursive. `make help` lists what it can do.
#
# CC=clang, SAN=1 (ASan and UBSan, in build/san), FUZZ=1 (clang's libFuzzer, in
# build/fuzz), V=1 (commands), T=name (part of a test group), N=count
# (repetitions), QUICK=1 (a short bench), DESTDIR= and PREFIX= (install).

PREFIX	?= /usr/local
SBINDIR	= $(DESTDIR)$(PREFIX)/sbin
BINDIR	= $(DESTDIR)$(PREFIX)/bin
MANDIR	= $(DESTDIR)$(PREFIX)/share/man
LIBDIR	= $(DESTDIR)$(PREFIX)/lib/netback
BASHDIR	= $(DESTDIR)$(PREFIX)/share/bash-completion/completions
UNITDIR	= $(DESTDIR)$(PREFIX)/lib/systemd/system
UNITS	= $(notdir $(wildcard scripts/*.service))
HOTPLUG	= vif-bridge vif-route vif-nat vif-setup qemu-ifup qemu-ifdown
V	?= 0
SAN	?= 0
QUICK	?= 0

ifeq ($(FUZZ),1)
B	= build/fuzz
CC	= clang
SANFLAGS = -fsanitize=fuzzer-no-link,address,undefined \
	   -fno-sanitize-recover=undefined -DNETBACK_SAN=1
else ifeq ($(SAN),1)
B	= build/san
SANFLAGS = -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	   -DNETBACK_SAN=1
else
B	= build
SANFLAGS =
endif
Q	= $(if $(filter 1,$(V)),,@)
say	= $(if $(filter 1,$(V)),,@echo "  $(1)" "$(2)";)

PKGS	= xenstore libmnl libnftnl libnl-3.0 libnl-route-3.0 libseccomp jansson \
	  libpcap libcap-ng xtables libiptc
WARN	= -Wall -Wextra -Werror -Wshadow -Wvla -Wmissing-prototypes \
	  -Wstrict-prototypes -Wpointer-arith -Wundef
# Rooms where a guest's number is computed with.
STRICT	= -Wconversion
CPPFLAGS += -D_GNU_SOURCE -Iinclude -Inetback -I. -I$(B)/gen
CFLAGS	?= -O2 -g
NBFLAGS	= -std=c11 -fno-strict-aliasing -fstack-protector-strong -pthread \
	  $(WARN) $(SANFLAGS) $(shell pkg-config --cflags libnl-3.0 2>/dev/null)
# Ending a thread needs it, and glibc that loads it late may fail half (client_watch.c).
UNWIND	= -Wl,--push-state,--no-as-needed -lgcc_s -Wl,--pop-state
LDLIBS_D = -lxenstore -ljansson -lpcap -lcap-ng -lpthread $(UNWIND)
LDLIBS_C = -lxenstore -lnftnl -lmnl -lxtables -lip4tc -lip6tc -lnl-route-3 \
	   -lnl-3 -ljansson -lpcap -lpthread $(UNWIND)
# Each library that is looked up at start costs as much as a request to the kernel:
# those that have an archive go into the program.
HOTLIBS	= xenstore xentoolcore nftnl nl-3
HOTARCH	= $(wildcard $(foreach l,$(HOTLIBS),\
	  $(shell $(CC) -print-file-name=lib$(l).a)))
LDLIBS_H = $(if $(filter $(words $(HOTLIBS)),$(words $(HOTARCH))),$(HOTARCH),\
	  $(addprefix -l,$(HOTLIBS))) -lmnl -lpthread
# libpcap is fetched by the verbs that need it (netback/ctl/pcaplib.h).
LDLIBS_V = $(filter-out -lpcap,$(LDLIBS_C))
LDLIBS_G = -lxenstore -lpthread $(UNWIND)

# A room is a folder; a file belongs to the library that its room belongs to.
src	= $(wildcard $(foreach d,$(1),$(d)/*.c))
MAINS	= netback/daemon/netbackd.c netback/ctl/vifctl.c \
	  netback/ctl/vifhotplug.c netback/front/vifguest.c
CONFINE	= netback/daemon/confine.c
DATA	= $(filter-out $(MAINS) $(CONFINE),$(call src,$(addprefix netback/,base store hv \
	  ring port sw cap front daemon)))
CTL	= $(filter-out $(MAINS),$(call src,modes filter netback/ctl))
# Coroutines are not for sanitizers.
UNIT	= $(filter-out $(if $(SANFLAGS),tests/unit/test_ring_explore.c), \
	  $(wildcard tests/unit/test_*.c))
HELPERS	= $(wildcard tests/guest/*.c tests/kernel/*.c tests/bench/*.c)
DOM0	= $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/xen/dom?/*.c))
obj	= $(patsubst %.c,$(B)/obj/%.o,$(1))
PROGS	= $(patsubst %,$(B)/%,$(basename $(notdir $(wildcard $(MAINS)))))
FUZZERS	= $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/*.c))
HOSTILE	= $(wildcard tests/guest/hostile/*.c)
PRELOAD	= $(patsubst tests/%.c,$(B)/tests/%.so,$(wildcard tests/guest/preload/*.c))
TESTS	= $(patsubst tests/%.c,$(B)/tests/%,$(UNIT) $(HELPERS)) \
	  $(B)/tests/guest/hostile $(DOM0) $(PRELOAD)

all: $(PROGS) ## build the programs into build/

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n",$$1,$$2}' Makefile

# --- build -------------------------------------------------------------------

$(B)/obj/netback/ring/%.o $(B)/obj/netback/hv/%.o: NBFLAGS += $(STRICT)

$(B)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(NBFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# The worker's allowed system calls, from the notes beside the code.
$(B)/gen/syscalls.h: scripts/syscalls.sh $(wildcard netback/*/*.c)
	@mkdir -p $(@D)
	$(call say,GEN,$@)sh scripts/syscalls.sh netback/*/*.c >$@.tmp && mv $@.tmp $@
$(call obj,$(CONFINE) tests/unit/test_sandbox.c): \
	$(B)/gen/syscalls.h
$(B)/gen/confine: $(call obj,$(CONFINE) netback/hv/hv_xen.c)
	$(call say,LD,$@)$(CC) $(NBFLAGS) $(LDFLAGS) -o $@ $^ -lseccomp
$(B)/gen/confine.h: $(B)/gen/confine
	$(call say,GEN,$@)$< >$@.tmp && mv $@.tmp $@
$(call obj,netback/daemon/sandbox.c): $(B)/gen/confine.h

$(B)/libdata.a: $(call obj,$(DATA))
	$(call say,AR,$@)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^
$(B)/libctl.a: $(call obj,$(CTL))
	$(call say,AR,$@)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

# netbackd and vifguest link neither modes/ nor filter/ (libctl).
$(B)/netbackd: $(call obj,netback/daemon/netbackd.c) $(B)/libdata.a
	$(call say,LD,$@)$(CC) $(NBFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS_D)
$(B)/vifguest: $(call obj,netback/front/vifguest.c) $(B)/libdata.a
	$(call say,LD,$@)$(CC) $(NBFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS_G)
# Run for each card of each guest: no library more than it needs.
$(B)/vifhotplug: $(call obj,netback/ctl/vifhotplug.c) $(B)/libctl.a $(B)/libdata.a
	$(call say,LD,$@)$(CC) $(NBFLAGS) $(LDFLAGS) -o $@ $^ -Wl,--as-needed \
		-Wl,--gc-sections $(LDLIBS_H)
$(B)/vifctl: $(call obj,netback/ctl/vifctl.c) $(B)/libctl.a $(B)/libdata.a
	$(call say,LD,$@)$(CC) $(NBFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS_V)

$(B)/tests/%: $(B)/obj/tests/%.o $(B)/libctl.a $(B)/libdata.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(NBFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka \
		$(LDLIBS_C) -lcap-ng

# Into programs as they are built: without sanitizers.
$(B)/tests/guest/preload/%.so: tests/guest/preload/%.c Makefile
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -D_GNU_SOURCE $(filter-out -fsanitize%,$(NBFLAGS)) \
		$(CFLAGS) -fPIC -shared -o $@ $<

# They run in another userland: static, and without our own libraries.
$(filter $(B)/tests/xen/domu/%,$(DOM0)): $(B)/obj/tests/xen/domu/lib/ufront.o
$(B)/tests/xen/%: $(B)/obj/tests/xen/%.o
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(filter-out -fsanitize%,$(NBFLAGS)) $(LDFLAGS) \
		$(if $(SANFLAGS),,-static) -o $@ $^ $(SANFLAGS) -lxenstore \
		$(if $(SANFLAGS),,-lxentoolcore)

# The ring room once more, with a ring of four slots and a probe at each step.
EXPLORED = $(patsubst %,$(B)/explore/%.o,publish ring rx tx)
$(B)/explore/%.o: netback/ring/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS) -DRING_EXPLORE $(NBFLAGS) $(STRICT) \
		$(CFLAGS) -MMD -MP -c $< -o $@
-include $(wildcard $(B)/explore/*.d)
$(B)/obj/tests/unit/test_ring_explore.o: CPPFLAGS += -DRING_EXPLORE
$(B)/tests/unit/test_ring_explore: $(call obj,tests/unit/test_ring_explore.c) \
		$(EXPLORED) $(B)/libdata.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(NBFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS_G)

$(B)/tests/bench/nothing $(B)/tests/bench/least: $(B)/tests/bench/%: \
		$(B)/obj/tests/bench/%.o
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(NBFLAGS) $(LDFLAGS) -o $@ $^

# Test programs of several files.
$(B)/tests/guest/everystop: $(call obj,tests/guest/everystop.c \
		tests/guest/state/hoststate.c) $(B)/libdata.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(NBFLAGS) $(LDFLAGS) -o $@ $^ -lmnl $(LDLIBS_G)
$(B)/tests/guest/hostile: $(call obj,$(HOSTILE)) $(B)/libdata.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(NBFLAGS) $(LDFLAGS) -o $@ $^ -ljansson \
		$(LDLIBS_G)

$(B)/tests/fuzz/%: $(B)/obj/tests/fuzz/%.o $(B)/libctl.a $(B)/libdata.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(NBFLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ \
		-lcmocka $(LDLIBS_C) -lcap-ng

# What a model runs through is not what the fuzzer is after.
$(B)/obj/tests/fuzz/xenbus/%.o: SANFLAGS += -fno-sanitize=fuzzer-no-link

# The models beside it stand for borders: before the archives that have the real ones.
$(B)/tests/fuzz/xenbus: $(call obj,tests/fuzz/xenbus.c \
		$(wildcard tests/fuzz/xenbus/*.c)) $(B)/libdata.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(NBFLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ \
		-ljansson -lpcap $(LDLIBS_G)

tests-built: all $(TESTS)
fuzz-built:
	@$(MAKE) --no-print-directory FUZZ=1 fuzzers
fuzzers: $(FUZZERS)
compile_commands.json: Makefile ## for clangd
	@$(MAKE) -Bnw V=1 SAN=0 tests-built | python3 scripts/compile-commands.py >$@

# --- tests -------------------------------------------------------------------

check: tests-built ## unit tests: quick, no root (T=ring for a part)
	@B=$(B) sh tests/run.sh unit golden

check-net: tests-built ## tests in network namespaces of their own
	@B=$(B) sh tests/run.sh kernel net bad-input

check-xen: tests-built ## real Xen, emulated; needs root and Debian's packages
	@B=$(B) LIMIT=720 J=2 sh tests/run.sh xen

fuzz-smoke: fuzz-built ## each fuzzer for ten seconds (T=name, FUZZ_SECONDS=n)
	@B=build/fuzz sh tests/run.sh fuzz

fuzz: fuzz-built ## MINUTES=n of all fuzzers in turn, counted (T='name ..')
	@sh scripts/fuzz.sh $(MINUTES)

coverage: ## lines of hostile input's readers that seeds and unit tests run
	@sh scripts/coverage.sh

mutate: tests-built ## take each named check out: a test must fail (T=name)
	@B=$(B) sh scripts/mutate.sh $(T)

golden-update: tests-built ## write the golden files anew; read the diff
	@B=$(B) GOLDEN_UPDATE=1 sh tests/run.sh golden

lint: all ## layers, format, cppcheck, shellcheck, man pages (T=name)
	@B=$(B) sh scripts/lint.sh

test: ## install what is missing, build, run every test (needs root)
	@sh scripts/deps.sh
	@sh scripts/test.sh

bench: tests-built ## measure against the peers: build/bench/results.csv
	@B=$(B) QUICK=$(QUICK) sh tests/bench/bench.sh $(T)

soak: tests-built ## MINUTES=n of kills, reconnects and lies; fails on growth (root)
	@B=$(B) sh tests/bench/soak.sh $(MINUTES)

bench-xen: tests-built ## against the kernel's netback, on emulated Xen (root)
	@B=$(B) sh tests/bench/xen.sh

plot: ## draw build/bench/results.csv: doc/benchmarks.svg
	@python3 scripts/plot.py $(B)/bench/results.csv doc/benchmarks.svg

demo: ## install what is missing, build, show two guests talking (needs root)
	@sh scripts/deps.sh
	@$(MAKE) -s all $(B)/tests/guest/udpseq
	@B=$(B) sh scripts/demo.sh

# --- install -----------------------------------------------------------------

install: all install-hotplug ## install programs and pages (DESTDIR=, PREFIX=)
	install -d $(SBINDIR) $(BINDIR) $(MANDIR)/man1 $(MANDIR)/man8 $(BASHDIR)
	install -m 755 $(B)/netbackd $(B)/vifctl $(SBINDIR)
	install -m 755 $(B)/vifguest $(BINDIR)
	install -m 644 doc/vifguest.1 $(MANDIR)/man1
	install -m 644 doc/netbackd.8 doc/vifctl.8 $(MANDIR)/man8
	install -m 644 scripts/vifctl.bash $(BASHDIR)/vifctl

# In a folder of their own: never over Xen's scripts.
install-hotplug: $(B)/vifhotplug ## vif-bridge and its like alone, for a Xen host
	install -d $(LIBDIR)/scripts $(MANDIR)/man8
	install -m 755 $(B)/vifhotplug $(LIBDIR)
	for n in $(HOTPLUG); do ln -sf ../vifhotplug $(LIBDIR)/scripts/$$n; done
	install -m 644 doc/vif-bridge.8 $(MANDIR)/man8

install-units: ## units for systemd: netbackd, its store, hotplug, vifs at boot
	install -d $(UNITDIR)
	for u in $(UNITS); do \
		sed 's|/usr/local|$(PREFIX)|' scripts/$$u >$(UNITDIR)/$$u || exit; \
	done

uninstall: ## remove what install installed
	rm -f $(addprefix $(UNITDIR)/,$(UNITS))
	rm -f $(addprefix $(LIBDIR)/scripts/,$(HOTPLUG)) $(LIBDIR)/vifhotplug
	for d in $(LIBDIR)/scripts $(LIBDIR); do [ ! -d $$d ] || \
		rmdir --ignore-fail-on-non-empty $$d; done
	rm -f $(MANDIR)/man8/vif-bridge.8
	rm -f $(SBINDIR)/netbackd $(SBINDIR)/vifctl $(BINDIR)/vifguest
	rm -f $(MANDIR)/man1/vifguest.1 $(MANDIR)/man8/netbackd.8
	rm -f $(MANDIR)/man8/vifctl.8 $(BASHDIR)/vifctl

clean: ## remove build/
	rm -rf build compile_commands.json

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

# Objects of tests are kept, as all others are.
.PRECIOUS: $(B)/obj/%.o

.PHONY: all help tests-built fuzz-built fuzzers check check-net check-xen fuzz-smoke \
	fuzz coverage mutate soak golden-update lint test bench bench-xen plot demo \
	install install-hotplug install-units uninstall clean compile_commands.json
