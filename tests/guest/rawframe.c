// SPDX-License-Identifier: GPL-2.0-or-later
/* rawframe.c - send frames as a guest would, and see where they come out
 *
 *   rawframe [-t] [-1] BRIDGE FROM TO FENCE <TABLE
 *   rawframe -n FROM <TABLE         only sends
 *   rawframe -l FROM <TABLE         .. again and again until it is killed or FROM
 *                                   is gone; says how many were taken
 *   rawframe -x <TABLE              only prints the frames, in hex
 *   rawframe -f TABLE [-t] BRIDGE FROM TO FENCE <COMMANDS
 *
 * The three are taps on the bridge. Each line of the table is
 *
 *   NAME pass|drop WORD..
 *
 * and its words are put together from left to right into a frame:
 *   aa:bb:cc:dd:ee:ff   six bytes (first the destination, then the source)
 *   0800                bytes in hex
 *   arp OP SHA SIP      an ARP packet for Ethernet and IPv4, to 10.0.0.6
 *   arpto OP SHA SIP TIP
 *   ip4 SRC DST PROTO   an IPv4 header; lengths and checksums are filled in
 *   ip6 SRC DST NEXT    an IPv6 header
 *   hbh NEXT            hop-by-hop options with a router alert
 *   dst6 NEXT           destination options, all padding
 *   frag6 NEXT OFF MORE a fragment's header; OFF in bytes
 *   nd TYPE TARGET      neighbour solicitation or advertisement
 *   opt TYPE MAC        an option of neighbour discovery
 *   other TYPE N        .. of N times eight bytes, all zero
 *   udp SPORT DPORT     8 bytes
 *   pad N               N zero bytes
 *   end                 the IP packet ends here; what follows is a trailer
 *
 * -f: for each line of input a turn of its own: runs it by the shell, forgets what
 *   the bridge learned, goes through TABLE up to the first row that went
 *   otherwise, and prints the line if there was none.
 * -1: ends at the first row that went otherwise.
 * -t: only TO is a place where it may come out, and nothing is learned.
 * The frame is written to FROM. It has passed when the same bytes can be read
 * from TO, or when the host hears them on the bridge or on the port itself. It
 * is said to be learned when FROM's port has another source than the first
 * line's.
 * A frame written to FENCE says that nothing more will come: writing to a tap
 * works the frame off up to the next queue, and all here is one thread on one
 * CPU. One line of output for each row that went otherwise; exit status 1 then.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"

enum {
	FRAME_ROOM = 9300,
	LISTENERS = 6,
	FENCE_TYPE = 0x88b5, /* IEEE: for experiments */
	FENCE_MS = 20000,
	FENCE_TO_MS = 1000, /* it is the filter itself that may stop it */
	FDB_MAX = 256,
	FLOOD_ROWS = 16,
};

struct raw {
	size_t len;
	size_t ip4, ip6; /* offset of the last header, 0 = none */
	size_t end;	 /* of the IP packet, 0 = of the frame */
	uint8_t b[FRAME_ROOM];
};

struct place {
	bool to_only, first, only_send;
	bool lost; /* not even the fence came through */
	const char *table;
	const char *bridge, *port;
	int from, to, fence;
	int ear[LISTENERS];
	unsigned port_no;
	bool has_own;
	uint8_t own[6];
};

/* As in linux/if_bridge.h, whose includes collide with net/if.h */
struct fdb_entry {
	uint8_t mac[6];
	uint8_t port_lo, is_local;
	uint32_t age;
	uint8_t port_hi, pad0;
	uint16_t unused;
};

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* --- words to bytes ------------------------------------------------------- */

static void put(struct raw *r, const void *p, size_t n)
{
	if (n > FRAME_ROOM - r->len)
		die("frame too long");
	memcpy(r->b + r->len, p, n);
	r->len += n;
}

static void put16(struct raw *r, unsigned v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	put(r, b, 2);
}

static bool put_mac(struct raw *r, const char *s)
{
	uint8_t m[6];
	char end;

	if (!s || sscanf(s, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%c", m, m + 1, m + 2,
			 m + 3, m + 4, m + 5, &end) != 6)
		return false;
	put(r, m, 6);
	return true;
}

static bool put_hex(struct raw *r, const char *s)
{
	for (; *s; s += 2) {
		char two[3] = { s[0], s[1], '\0' };
		char *end;
		uint8_t b = (uint8_t)strtoul(two, &end, 16);

		if (end != two + 2)
			return false;
		put(r, &b, 1);
	}
	return true;
}

static bool put_ip(struct raw *r, int family, const char *s)
{
	uint8_t a[16];

	if (!s || inet_pton(family, s, a) != 1)
		return false;
	put(r, a, family == AF_INET ? 4 : 16);
	return true;
}

static unsigned next_num(void)
{
	const char *s = strtok(NULL, " \t\n");

	return s ? (unsigned)strtoul(s, NULL, 0) : 0;
}

static bool put_arp_head(struct raw *r)
{
	put(r, "\x00\x01\x08\x00\x06\x04", 6);
	put16(r, next_num());
	if (!put_mac(r, strtok(NULL, " \t\n")) ||
	    !put_ip(r, AF_INET, strtok(NULL, " \t\n")))
		return false;
	put(r, "\0\0\0\0\0\0", 6);
	return true;
}

static bool put_arp(struct raw *r)
{
	return put_arp_head(r) && put_ip(r, AF_INET, "10.0.0.6");
}

static bool put_arpto(struct raw *r)
{
	return put_arp_head(r) && put_ip(r, AF_INET, strtok(NULL, " \t\n"));
}

static bool put_ip4(struct raw *r)
{
	uint8_t proto;

	r->ip4 = r->len;
	put(r, "\x45\x00\x00\x00\x00\x01\x40\x00\x40\x00\x00\x00", 12);
	if (!put_ip(r, AF_INET, strtok(NULL, " \t\n")) ||
	    !put_ip(r, AF_INET, strtok(NULL, " \t\n")))
		return false;
	proto = (uint8_t)next_num();
	r->b[r->ip4 + 9] = proto;
	return true;
}

static bool put_ip6(struct raw *r)
{
	r->ip6 = r->len;
	put(r, "\x60\x00\x00\x00\x00\x00\x00\xff", 8);
	if (!put_ip(r, AF_INET6, strtok(NULL, " \t\n")) ||
	    !put_ip(r, AF_INET6, strtok(NULL, " \t\n")))
		return false;
	r->b[r->ip6 + 6] = (uint8_t)next_num();
	return true;
}

static bool put_hbh(struct raw *r)
{
	uint8_t next = (uint8_t)next_num();

	put(r, &next, 1);
	put(r, "\x00\x05\x02\x00\x00\x01\x00", 7);
	return true;
}

static bool put_dst6(struct raw *r)
{
	uint8_t next = (uint8_t)next_num();

	put(r, &next, 1);
	put(r, "\x00\x01\x04\x00\x00\x00\x00", 7);
	return true;
}

static bool put_frag6(struct raw *r)
{
	uint8_t next[2] = { (uint8_t)next_num(), 0 };
	unsigned off = next_num(), more = next_num();

	put(r, next, 2);
	put16(r, off | more);
	put(r, "\0\0\0\1", 4);
	return true;
}

static bool put_nd(struct raw *r)
{
	uint8_t head[8] = { (uint8_t)next_num() };

	put(r, head, sizeof(head));
	return put_ip(r, AF_INET6, strtok(NULL, " \t\n"));
}

static bool put_opt(struct raw *r)
{
	uint8_t head[2] = { (uint8_t)next_num(), 1 };

	put(r, head, sizeof(head));
	return put_mac(r, strtok(NULL, " \t\n"));
}

static bool put_other(struct raw *r)
{
	static const uint8_t zero[256 * 8];
	uint8_t head[2] = { (uint8_t)next_num(), (uint8_t)next_num() };

	put(r, head, sizeof(head));
	put(r, zero, head[1] ? head[1] * 8u - 2 : 6);
	return true;
}

static bool put_end(struct raw *r)
{
	r->end = r->len;
	return true;
}

static bool put_udp(struct raw *r)
{
	unsigned sport = next_num(), dport = next_num();

	put16(r, sport);
	put16(r, dport);
	put16(r, 8);
	put16(r, 0); /* no checksum */
	return true;
}

static bool put_pad(struct raw *r)
{
	static const uint8_t zero[FRAME_ROOM];

	put(r, zero, next_num() % FRAME_ROOM);
	return true;
}

static bool put_word(struct raw *r, const char *s)
{
	static const struct {
		const char *word;
		bool (*put)(struct raw *r);
	} verb[] = {
		{ "arp", put_arp },	{ "ip4", put_ip4 },
		{ "ip6", put_ip6 },	{ "hbh", put_hbh },
		{ "udp", put_udp },	{ "pad", put_pad },
		{ "arpto", put_arpto }, { "dst6", put_dst6 },
		{ "frag6", put_frag6 }, { "nd", put_nd },
		{ "opt", put_opt },	{ "other", put_other },
		{ "end", put_end },
	};
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(verb); i++)
		if (!strcmp(s, verb[i].word))
			return verb[i].put(r);
	return strchr(s, ':') ? put_mac(r, s) : put_hex(r, s);
}

static void fill_in(struct raw *r)
{
	uint8_t *h = r->b + r->ip4;
	size_t end = r->end ? r->end : r->len;
	uint32_t sum = 0;
	unsigned i;

	if (r->ip6) {
		size_t n = end - r->ip6 - 40;

		r->b[r->ip6 + 4] = (uint8_t)(n >> 8);
		r->b[r->ip6 + 5] = (uint8_t)n;
	}
	if (!r->ip4)
		return;
	h[2] = (uint8_t)((end - r->ip4) >> 8);
	h[3] = (uint8_t)(end - r->ip4);
	for (i = 0; i < 20; i += 2)
		sum += (uint32_t)h[i] << 8 | h[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	h[10] = (uint8_t)(sum >> 8);
	h[11] = (uint8_t)sum;
}

/* --- where frames come out ------------------------------------------------ */

static int open_tap(const char *name)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || str_put(r.ifr_name, sizeof(r.ifr_name), name) ||
	    ioctl(fd, TUNSETIFF, &r))
		die(name);
	return fd;
}

static int open_ear(const char *dev, unsigned proto)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
				 .sll_protocol = htons((uint16_t)proto),
				 .sll_ifindex = (int)if_nametoindex(dev) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die(dev);
	return fd;
}

/* A packet socket for one type hears what its device's rx handler, the bridge,
 * leaves to the host; one for all types would hear it before any filter.
 */
static void open_ears(struct place *p)
{
	static const unsigned type[] = { ETHERTYPE_IP, ETHERTYPE_ARP,
					 ETHERTYPE_IPV6, 0x88cc, 0x888e };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(type); i++)
		p->ear[i] = open_ear(p->port, type[i]);
	p->ear[i] = open_ear(p->bridge, 3 /* ETH_P_ALL */);
}

static unsigned read_number(const char *dev, const char *what)
{
	char path[128];
	int no = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", dev, what);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%i", &no) != 1)
		die(path);
	fclose(f);
	return (unsigned)no;
}

/* A tap has carrier from when it is opened; the bridge hears of it later. */
static void wait_forwarding(const char *port)
{
	unsigned i;

	for (i = 0; i < FENCE_MS; i++) {
		if (read_number(port, "brport/state") == 3)
			return;
		usleep(1000);
	}
	die("port is not forwarding");
}

/* Has FROM's port learned this source? */
static bool learned(const struct place *p, const uint8_t *mac)
{
	struct fdb_entry v[FDB_MAX];
	char path[128];
	bool found = false;
	ssize_t n;
	int fd;
	size_t i;

	snprintf(path, sizeof(path), "/sys/class/net/%s/brforward", p->bridge);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, v, sizeof(v));
	if (n < 0)
		die(path);
	for (i = 0; i < (size_t)n / sizeof(v[0]); i++)
		if (!memcmp(v[i].mac, mac, 6) && !v[i].is_local &&
		    (v[i].port_lo | (unsigned)v[i].port_hi << 8) == p->port_no)
			found = true;
	close(fd);
	return found;
}

static bool drain(int fd, const struct raw *want)
{
	uint8_t b[FRAME_ROOM];
	bool seen = false;
	ssize_t n;

	while ((n = read(fd, b, sizeof(b))) >= 0)
		if ((size_t)n == want->len && !memcmp(b, want->b, want->len))
			seen = true;
	return seen;
}

/* Reads TO until the fence; tells whether the frame was before it. */
static bool drain_to_fence(struct place *p, const struct raw *want)
{
	static uint32_t turn;
	struct raw f = { .len = 0 };
	struct pollfd pfd = { .fd = p->to, .events = POLLIN };
	uint8_t b[FRAME_ROOM];
	bool seen = false;
	ssize_t n;

	turn++;
	put(&f, "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\xfe", 12);
	put16(&f, FENCE_TYPE);
	put(&f, &turn, sizeof(turn));
	put(&f, (uint8_t[46]){ 0 }, 46);
	if (write(p->fence, f.b, f.len) != (ssize_t)f.len)
		die("fence");
	for (;;) {
		if (poll(&pfd, 1, p->to_only ? FENCE_TO_MS : FENCE_MS) != 1) {
			if (!p->to_only)
				die("the fence did not come through");
			p->lost = true;
			return false;
		}
		n = read(p->to, b, sizeof(b));
		if (n == (ssize_t)f.len && !memcmp(b, f.b, f.len))
			return seen;
		if (n == (ssize_t)want->len && !memcmp(b, want->b, want->len))
			seen = true;
	}
}

static const char *send_one(struct place *p, const struct raw *r)
{
	bool seen;
	unsigned i;

	if (write(p->from, r->b, r->len) < 0 && errno != EINVAL)
		die("write");
	if (p->only_send)
		return "pass";
	seen = drain_to_fence(p, r);
	if (p->to_only)
		return seen ? "pass" : "drop";
	for (i = 0; i < LISTENERS; i++)
		seen |= drain(p->ear[i], r);
	if (r->len >= 12 && memcmp(r->b + 6, p->own, 6) && learned(p, r->b + 6))
		return "learned";
	return seen ? "pass" : "drop";
}

/* One line of the table: 0 as wanted, 1 not. */
static int row(struct place *p, char *line, bool quiet)
{
	const char *name = strtok(line, " \t\n");
	const char *want, *got, *word;
	struct raw r = { .len = 0 };

	if (!name || *name == '#')
		return 0;
	want = strtok(NULL, " \t\n");
	while ((word = strtok(NULL, " \t\n")))
		if (!put_word(&r, word))
			die(name);
	fill_in(&r);
	if (!p->has_own) {
		p->has_own = true;
		memcpy(p->own, r.b + 6, 6);
	}
	got = send_one(p, &r);
	if (want && !strcmp(want, got))
		return 0;
	if (!quiet)
		printf("%s: %s, should be %s\n", name, got,
		       want ? want : "said");
	return 1;
}

static void pin(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

/* TO's guest has spoken: 02:00:00:00:00:02 is behind TO. */
static void speak(struct place *p)
{
	if (write(p->to,
		  "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\2\x88\xb5"
		  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
		  60) != 60)
		die("TO");
}

/* A turn through the table: how many rows went otherwise. */
static int turn(struct place *p, FILE *f, bool quiet)
{
	char line[FRAME_ROOM];
	int n = 0, bad = 0;

	if (!p->only_send)
		speak(p);
	p->has_own = p->lost = false;
	while (!(bad && (p->first || p->lost)) &&
	       fgets(line, sizeof(line), f)) {
		n += line[0] != '#' && line[0] != '\n';
		bad += row(p, line, quiet);
	}
	if (p->lost && !quiet)
		printf("nothing at all comes out\n");
	if (!quiet)
		printf("%d rows, %d not as they should be\n", n, bad);
	return n ? bad : -1;
}

static void flush(const struct place *p)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/class/net/%s/bridge/flush",
		 p->bridge);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) != 1)
		die(path);
	close(fd);
}

static int turns(struct place *p)
{
	FILE *f = fopen(p->table, "re");
	char line[1024];
	int missed = 0, bad;

	if (!f)
		die(p->table);
	p->first = true;
	while (fgets(line, sizeof(line), stdin)) {
		if (system(line))
			die(line);
		flush(p);
		rewind(f);
		bad = turn(p, f, true);
		if (bad < 0)
			die(p->table);
		if (bad)
			continue;
		fputs(line, stdout);
		missed++;
	}
	fclose(f);
	return missed;
}

/* The next row's frame, whatever is wanted of it. */
static bool next_frame(struct raw *r)
{
	char line[FRAME_ROOM];
	const char *word;

	if (!fgets(line, sizeof(line), stdin))
		return false;
	*r = (struct raw){ .len = 0 };
	strtok(line, " \t\n");
	strtok(NULL, " \t\n");
	while ((word = strtok(NULL, " \t\n")))
		if (!put_word(r, word))
			die(line);
	fill_in(r);
	return true;
}

static int print_hex(void)
{
	struct raw r;
	size_t i;

	while (next_frame(&r)) {
		for (i = 0; i < r.len; i++)
			printf("%02x", r.b[i]);
		putchar('\n');
	}
	return 0;
}

/* A device that is down takes nothing; one that is gone ends it. */
static int flood(struct place *p)
{
	static struct raw r[FLOOD_ROWS];
	unsigned long taken = 0;
	unsigned n = 0, i;

	while (n < FLOOD_ROWS && next_frame(&r[n]))
		n++;
	for (i = 0; n; i = (i + 1) % n) {
		if (write(p->from, r[i].b, r[i].len) > 0)
			taken++;
		else if (errno == EBADFD || errno == EBADF)
			break;
	}
	printf("%lu\n", taken);
	return 0;
}

int main(int argc, char **argv)
{
	struct place p = { 0 };
	bool loop = false;
	int n, o;

	while ((o = getopt(argc, argv, "xlnt1f:")) >= 0) {
		p.only_send |= o == 'n' || o == 'l';
		loop |= o == 'l';
		if (o == 'x')
			return print_hex();
		p.to_only |= o == 't';
		p.first |= o == '1';
		if (o == 'f')
			p.table = optarg;
	}
	argv += optind - 1;
	if (argc - optind != (p.only_send ? 1 : 4))
		return 2;
	pin();
	if (p.only_send) {
		p.from = open_tap(argv[1]);
		if (loop)
			return flood(&p);
		while (!read_number(argv[1], "carrier"))
			usleep(1000);
		return turn(&p, stdin, true) != 0;
	}
	p.bridge = argv[1];
	p.port = argv[2];
	p.from = open_tap(argv[2]);
	p.to = open_tap(argv[3]);
	p.fence = open_tap(argv[4]);
	open_ears(&p);
	p.port_no = read_number(p.port, "brport/port_no");
	for (n = 2; n < 5; n++)
		wait_forwarding(argv[n]);
	if (p.table)
		return turns(&p) != 0;
	return turn(&p, stdin, false) != 0;
}
