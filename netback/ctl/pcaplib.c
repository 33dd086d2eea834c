// SPDX-License-Identifier: GPL-2.0-or-later
/* pcaplib.c - libpcap, fetched by the verbs that need it */
#include "ctl/pcaplib.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/num.h"

static const struct {
	const char *name;
	size_t at;
} pcaplib_names[] = {
#define PCAPLIB(word)                                                          \
	{                                                                      \
		"pcap_" #word, offsetof(struct pcaplib, word)                  \
	}
	PCAPLIB(open_dead), PCAPLIB(open_offline), PCAPLIB(close),
	PCAPLIB(datalink),  PCAPLIB(next_ex),	   PCAPLIB(compile),
	PCAPLIB(freecode),  PCAPLIB(geterr),	   PCAPLIB(dump_fopen),
	PCAPLIB(dump),	    PCAPLIB(dump_flush),   PCAPLIB(dump_close),
#undef PCAPLIB
};

int pcaplib_open(struct pcaplib *p, struct err *e)
{
	/* Debian's name, and others' */
	static const char *const file[] = { "libpcap.so.0.8", "libpcap.so.1" };
	void *f;
	unsigned i;

	*p = (struct pcaplib){ .lib = NULL };
	for (i = 0; !p->lib && i < ARRAY_SIZE(file); i++)
		p->lib = dlopen(file[i], RTLD_NOW | RTLD_LOCAL);
	for (i = 0; p->lib && i < ARRAY_SIZE(pcaplib_names); i++) {
		f = dlsym(p->lib, pcaplib_names[i].name);
		if (!f)
			pcaplib_close(p);
		else
			memcpy((char *)p + pcaplib_names[i].at, &f, sizeof(f));
	}
	if (p->lib)
		return 0;
	return err_set(e, -ENOENT,
		       "libpcap cannot be loaded; install it "
		       "(Debian: libpcap0.8)");
}

void pcaplib_close(struct pcaplib *p)
{
	if (p->lib)
		dlclose(p->lib);
	p->lib = NULL;
}
