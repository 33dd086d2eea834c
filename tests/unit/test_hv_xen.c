// SPDX-License-Identifier: GPL-2.0-or-later
/* test_hv_xen.c - a guest of Xen: what is asked of the kernel, when it refuses
 *
 * The devices are stood for by memfds and by an ioctl of our own, which the linker
 * takes before the C library's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <xen/xen.h>

#include <xen/grant_table.h>

#include <xen/evtchn.h>
#include <xen/gntdev.h>

#include "hv.h"

enum { DOMID = 7, REFS = 8, ALWAYS = 1000, PIECES = 100 };

/* The guest's pages, by grant; the next `fails` calls to copy fail. */
static struct {
	uint8_t page[REFS][HV_PAGE];
	int fails, error;
	unsigned calls, eagain, bound;
} dev;

static void dev_copy(struct gntdev_grant_copy_segment *s)
{
	bool out = s->flags & GNTCOPY_dest_gref;
	uint32_t ref = out ? s->dest.foreign.ref : s->source.foreign.ref;
	uint8_t *p;

	if (dev.eagain) {
		dev.eagain--;
		s->status = GNTST_eagain;
		return;
	}
	if (ref >= REFS) {
		s->status = GNTST_bad_gntref;
		return;
	}
	p = dev.page[ref] +
	    (out ? s->dest.foreign.offset : s->source.foreign.offset);
	if (out)
		memcpy(p, s->source.virt, s->len);
	else
		memcpy(s->dest.virt, p, s->len);
	s->status = GNTST_okay;
}

static int dev_copies(const struct ioctl_gntdev_grant_copy *c)
{
	unsigned i;

	dev.calls++;
	if (dev.fails) {
		dev.fails--;
		errno = dev.error;
		return -1;
	}
	for (i = 0; i < c->count; i++)
		dev_copy(&c->segments[i]);
	return 0;
}

int ioctl(int fd, unsigned long cmd, ...)
{
	va_list ap;
	void *arg;

	(void)fd;
	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	switch (cmd) {
	case IOCTL_GNTDEV_GRANT_COPY:
		return dev_copies(arg);
	case IOCTL_GNTDEV_MAP_GRANT_REF:
		((struct ioctl_gntdev_map_grant_ref *)arg)->index = 0;
		return 0;
	case IOCTL_GNTDEV_UNMAP_GRANT_REF:
		return 0;
	case IOCTL_EVTCHN_BIND_INTERDOMAIN:
		return (int)++dev.bound;
	default:
		errno = ENOTTY;
		return -1;
	}
}

static int device(void)
{
	int fd = memfd_create("device", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, HV_PAGE), 0);
	return fd;
}

static struct hv *guest(void)
{
	struct hv *hv;

	memset(&dev, 0, sizeof(dev));
	assert_int_equal(hv_xen_open(&hv, DOMID, device()), 0);
	return hv;
}

static int copy1(struct hv *hv, uint32_t ref, uint8_t *to)
{
	struct hv_seg v = { .ref = ref, .len = 4, .local = to };
	int rc = hv_copy(hv, HV_FROM_GUEST, &v, 1);

	if (rc < 0)
		assert_int_equal(v.status, rc);
	return rc;
}

static void each_piece_by_itself(void **state)
{
	struct hv *hv = guest();
	uint8_t to[PIECES][4] = { 0 };
	struct hv_seg v[PIECES];
	unsigned i;

	(void)state;
	for (i = 0; i < PIECES; i++) {
		v[i] = (struct hv_seg){ .ref = i % 2,
					.off = (uint16_t)i,
					.len = 4,
					.local = to[i] };
		dev.page[i % 2][i] = (uint8_t)i;
	}
	v[3].ref = REFS;
	v[80].off = HV_PAGE - 3;
	assert_int_equal(hv_copy(hv, HV_FROM_GUEST, v, PIECES), 2);
	assert_int_equal(dev.calls, 2);
	for (i = 0; i < PIECES; i++) {
		assert_int_equal(v[i].status, i == 3	? -EACCES
					      : i == 80 ? -EINVAL
							: 0);
		assert_int_equal(to[i][0], v[i].status ? 0 : i);
	}
	hv_close(hv);
}

static void paged_in(void **state)
{
	struct hv *hv = guest();
	uint8_t to[4];

	(void)state;
	dev.eagain = 5;
	assert_int_equal(copy1(hv, 1, to), 0);
	dev.eagain = ALWAYS;
	assert_int_equal(copy1(hv, 1, to), 1);
	dev.eagain = 0;
	assert_int_equal(copy1(hv, 1, to), 0);
	hv_close(hv);
}

static void short_of_memory(void **state)
{
	static const int error[] = { ENOMEM, EINTR };
	struct hv *hv = guest();
	uint8_t to[4];
	unsigned i;

	(void)state;
	for (i = 0; i < 2; i++) {
		dev.error = error[i];
		dev.fails = 3;
		dev.page[1][0] = (uint8_t)(10 + i);
		assert_int_equal(copy1(hv, 1, to), 0);
		assert_int_equal(to[0], 10 + i);
		dev.fails = ALWAYS;
		assert_int_equal(copy1(hv, 1, to), -EREMOTEIO);
		dev.fails = 0;
	}
	hv_close(hv);
}

/* The connection ends, the handle does not: the next one finds it as it was. */
static void a_call_that_fails(void **state)
{
	struct hv *hv = guest();
	uint8_t to[4];
	void *page;
	int chan;

	(void)state;
	assert_int_equal(hv_xen_port(hv, 3, device()), 0);
	chan = hv_bind(hv, 3);
	assert_true(chan >= 0);
	assert_int_equal(hv_map(hv, 1, &page), 0);
	dev.error = EFAULT;
	dev.fails = 1;
	assert_int_equal(copy1(hv, 1, to), -EREMOTEIO);
	assert_int_equal(dev.calls, 1);
	assert_false(hv_dead(hv));
	hv_unmap(hv, page);
	hv_unbind(hv, chan);
	assert_int_equal(hv_xen_port(hv, 3, device()), 0);
	chan = hv_bind(hv, 3);
	assert_true(chan >= 0);
	assert_int_equal(hv_map(hv, 1, &page), 0);
	dev.page[1][0] = 9;
	assert_int_equal(copy1(hv, 1, to), 0);
	assert_int_equal(to[0], 9);
	assert_false(hv_dead(hv));
	hv_close(hv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_piece_by_itself),
		cmocka_unit_test(paged_in),
		cmocka_unit_test(short_of_memory),
		cmocka_unit_test(a_call_that_fails),
	};

	return cmocka_run_group_tests_name("hv xen", tests, NULL, NULL);
}
