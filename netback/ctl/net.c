// SPDX-License-Identifier: GPL-2.0-or-later
/* net.c - networks of guests: the record, and who has which address */
#include "ctl/net.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "ctl/run.h"
#include "filter.h"

enum { NET_LOCK = 24, NET_LINE = 192, NET_NAME = 24 };

int net_path(const struct ctl *c, const char *name, const char *file,
	     char path[NET_PATH])
{
	return str_fmt(path, NET_PATH, "%s/net%s%s%s%s", c->run,
		       name[0] ? "/" : "", name, file[0] ? "/" : "", file) < 0
		       ? -ENAMETOOLONG
		       : 0;
}

int net_lock(struct ctl *c, const char *name, struct err *e)
{
	char lock[NET_LOCK];

	snprintf(lock, sizeof(lock), "net-%s", name);
	if (mkdir(c->run, 0755) && errno != EEXIST)
		return err_set(e, -errno, "cannot make %s: %s", c->run,
			       strerror(errno));
	return run_lock(c, lock, e);
}

void net_unlock(const struct ctl *c, const char *name, int lock)
{
	char file[NET_LOCK];

	snprintf(file, sizeof(file), "net-%s", name);
	run_unlock(c, file, lock);
}

/* --- files -------------------------------------------------------------------------*/

/* All of a file, NUL-terminated, without its last newline: length or -errno. */
static int net_read(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return (int)n;
	if (n && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return (int)n;
}

/* Whole or not at all: a name with a dot first is not looked at meanwhile. */
static int net_write(const char *dir, const char *file, const char *text)
{
	char new[NET_PATH + 8], path[NET_PATH];
	int fd, rc;

	if (str_fmt(new, sizeof(new), "%s/.%s", dir, file) < 0 ||
	    str_fmt(path, sizeof(path), "%s/%s", dir, file) < 0)
		return -ENAMETOOLONG;
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		  0644);
	if (fd < 0)
		return -errno;
	rc = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -EIO;
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && rename(new, path))
		rc = -errno;
	if (rc)
		unlink(new);
	return rc;
}

static int net_mkdir(const struct ctl *c, const char *name, const char *file)
{
	char path[NET_PATH];
	int rc = net_path(c, name, file, path);

	if (!rc && mkdir(path, 0755) && errno != EEXIST)
		rc = -errno;
	return rc;
}

static int net_kept_path(const char *name, const char *file,
			 char path[NET_PATH])
{
	const char *own = getenv("NETBACK_STATE");

	return str_fmt(path, NET_PATH, "%s/net%s%s%s%s",
		       own && own[0] ? own : "/var/lib/netback",
		       name[0] ? "/" : "", name, file[0] ? "/" : "", file) < 0
		       ? -ENAMETOOLONG
		       : 0;
}

/* Its directory and those above. */
static int net_kept_mkdir(char *path)
{
	char *p;

	for (p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(path, 0755) && errno != EEXIST ? -errno : 0;
}

/* Is it one that comes back when the host does? */
static bool net_kept(const struct ctl *c, const char *name)
{
	char path[NET_PATH];
	struct stat st;

	return !net_path(c, name, "hosts", path) && !lstat(path, &st) &&
	       S_ISLNK(st.st_mode);
}

int net_keep(struct ctl *c, const char *name, struct err *e)
{
	static const char *const file[] = { "hosts", "leases" };
	char path[NET_PATH], link[NET_PATH];
	unsigned i;
	int rc = net_kept_path(name, "hosts", path);

	if (!rc)
		rc = net_kept_mkdir(path);
	if (rc)
		return err_set(e, rc, "network %s: cannot make %s: %s", name,
			       path, strerror(-rc));
	rc = net_mkdir(c, "", "");
	if (!rc)
		rc = net_mkdir(c, name, "");
	for (i = 0; !rc && i < ARRAY_SIZE(file); i++) {
		rc = net_kept_path(name, file[i], path);
		if (!rc)
			rc = net_path(c, name, file[i], link);
		if (!rc && symlink(path, link) && errno != EEXIST)
			rc = -errno;
	}
	return rc ? err_set(e, rc, "network %s: cannot write %s/net: %s", name,
			    c->run, strerror(-rc))
		  : 0;
}

/* The words once more, where they outlive the host. */
static int net_save_kept(const struct ctl *c, const char *name,
			 const char *text)
{
	char dir[NET_PATH];
	int rc = net_kept(c, name) ? net_kept_path(name, "", dir) : 1;

	return rc ? rc < 0 ? rc : 0 : net_write(dir, "words", text);
}

int net_save(const struct ctl *c, const struct network *n, struct err *e)
{
	char dir[NET_PATH], text[NETWORK_TEXT];
	int rc = net_mkdir(c, "", "");

	if (!rc)
		rc = net_mkdir(c, n->name, "");
	if (!rc)
		rc = net_mkdir(c, n->name, "hosts");
	if (!rc)
		rc = network_print(n, text, sizeof(text) - 1);
	if (rc >= 0) {
		strcat(text, "\n");
		rc = net_path(c, n->name, "", dir);
	}
	if (!rc)
		rc = net_write(dir, "words", text);
	if (!rc)
		rc = net_save_kept(c, n->name, text);
	return rc ? err_set(e, rc, "network %s: cannot write %s/net: %s",
			    n->name, c->run, strerror(-rc))
		  : 0;
}

static int net_words(struct network *n, char *text, struct err *e)
{
	char *word, *save;
	int rc = 0;

	for (word = strtok_r(text, " ", &save); word && !rc;
	     word = strtok_r(NULL, " ", &save))
		rc = network_parse(n, word, e);
	return rc;
}

int net_load(const struct ctl *c, const char *name, struct network *n,
	     struct err *e)
{
	char path[NET_PATH], text[NETWORK_TEXT];
	int rc = network_init(n, name, e);

	if (rc)
		return rc;
	rc = net_path(c, name, "words", path);
	if (!rc)
		rc = net_read(path, text, sizeof(text));
	if (rc == -ENOENT)
		return err_set(e, rc,
			       "network %s: there is none; make it: vifctl "
			       "network add %s",
			       name, name);
	if (rc < 0)
		return err_set(e, rc, "network %s: cannot read %s: %s", name,
			       path, strerror(-rc));
	return net_words(n, text, e);
}

int net_load_kept(const struct ctl *c, const char *name, struct network *n)
{
	char path[NET_PATH], text[NETWORK_TEXT];
	int rc = network_init(n, name, NULL);

	(void)c;
	if (!rc)
		rc = net_kept_path(name, "words", path);
	if (!rc)
		rc = net_read(path, text, sizeof(text));
	return rc < 0 ? rc : net_words(n, text, NULL);
}

/* A link goes, and what it leads to stays. */
static int net_unlink_all(const char *dir)
{
	char path[NET_PATH + 256];
	struct dirent *d;
	DIR *o;

	if (!unlink(dir))
		return 0;
	o = opendir(dir);
	if (!o)
		return errno == ENOENT ? 0 : -errno;
	while ((d = readdir(o))) {
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, d->d_name);
		unlink(path);
	}
	closedir(o);
	return rmdir(dir) ? -errno : 0;
}

/* The words go with the rest, but there is no network without a bridge. */
int net_forget(const struct ctl *c, const struct network *n, bool all,
	       struct err *e)
{
	char path[NET_PATH];
	int rc = 0;

	if (all && net_kept(c, n->name)) {
		if (!net_kept_path(n->name, "hosts", path))
			net_unlink_all(path);
		if (!net_kept_path(n->name, "", path))
			rc = net_unlink_all(path);
	}
	if (!rc)
		rc = net_path(c, n->name, "hosts", path);
	if (!rc)
		rc = net_unlink_all(path);
	if (!rc)
		rc = net_path(c, n->name, "", path);
	if (!rc)
		rc = net_unlink_all(path);
	if (!rc && !net_path(c, "", "", path))
		rmdir(path); /* if it was the last */
	return rc ? err_set(e, rc, "network %s: cannot remove %s: %s", n->name,
			    path, strerror(-rc))
		  : 0;
}

int net_each(const struct ctl *c, net_fn *fn, void *arg)
{
	struct dirent **d;
	char path[NET_PATH];
	int i, n, rc = net_path(c, "", "", path);

	if (rc)
		return rc;
	n = scandir(path, &d, NULL, alphasort);
	for (i = 0; i < n; i++) {
		if (!rc && d[i]->d_name[0] != '.')
			rc = fn(arg, d[i]->d_name);
		free(d[i]);
	}
	if (n >= 0)
		free(d);
	return rc;
}

/* --- who has which address ----------------------------------------------------------*/

/* A guest's line: its MAC, its addresses (IPv6 in brackets), its name. */
struct net_host {
	char mac[18];
	unsigned n;
	struct vif_addr addr[VIF_ADDRS];
};

static void net_host_parse(char *line, struct net_host *h)
{
	char *word, *save;
	size_t n;

	memset(h, 0, sizeof(*h));
	for (word = strtok_r(line, ",", &save); word;
	     word = strtok_r(NULL, ",", &save)) {
		n = strlen(word);
		if (n == 17 && !h->mac[0]) {
			memcpy(h->mac, word, sizeof(h->mac));
			continue;
		}
		if (word[0] == '[' && word[n - 1] == ']') {
			word[n - 1] = '\0';
			word++;
		}
		if (h->n < VIF_ADDRS && !vif_parse_addr(word, &h->addr[h->n]))
			h->n++;
	}
}

/* What the others of a network have. */
struct net_taken {
	const char *self; /* whose line is only read */
	char mac[18];	  /* .. and has addresses for that card alone */
	bool was;	  /* there is one .. */
	struct net_host own;
	unsigned n;
	struct net_one {
		char name[NET_NAME];
		struct vif_addr addr;
	} * v;
};

static int net_take(struct net_taken *t, const char *name, char *line)
{
	struct net_host h;
	struct net_one *v;
	unsigned i;

	net_host_parse(line, &h);
	if (!strcmp(name, t->self)) {
		t->was = true;
		/* another guest may have the name by now */
		if (!strcmp(h.mac, t->mac))
			t->own = h;
		return 0;
	}
	v = realloc(t->v, (t->n + h.n) * sizeof(*v));
	if (!v && t->n + h.n)
		return -ENOMEM;
	t->v = v;
	for (i = 0; i < h.n; i++, t->n++) {
		str_fmt(v[t->n].name, NET_NAME, "%s", name);
		v[t->n].addr = h.addr[i];
	}
	return 0;
}

static int net_taken(const char *dir, struct net_taken *t)
{
	char path[NET_PATH + 256], line[NET_LINE];
	struct dirent *d;
	DIR *o = opendir(dir);
	int rc = 0;

	if (!o)
		return -errno;
	while (!rc && (d = readdir(o))) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, d->d_name);
		if (net_read(path, line, sizeof(line)) >= 0)
			rc = net_take(t, d->d_name, line);
	}
	closedir(o);
	return rc;
}

static const char *net_holder(const struct net_taken *t,
			      const struct vif_addr *a)
{
	unsigned i;

	for (i = 0; i < t->n; i++)
		if (vif_addr_same(&t->v[i].addr, a))
			return t->v[i].name;
	return NULL;
}

/* May a guest have it? */
static int net_may(const struct network *n, const struct net_taken *t,
		   const struct vif_addr *a, struct err *e)
{
	const struct vif_addr *own = &n->addr[a->family == AF_INET6];
	const char *who = net_holder(t, a);
	char text[64], net[64] = "none";

	vif_print_addr(a, text, sizeof(text));
	vif_print_addr(own, net, sizeof(net));
	if (vif_addr_is_net(a) || !network_has(n, a))
		return err_set(e, -EINVAL,
			       "ip: %s is not an address of network %s (%s); "
			       "leave ip= out for one that is",
			       text, n->name, net);
	if (vif_addr_same(own, a))
		return err_set(e, -EADDRINUSE,
			       "ip: %s is the host's own in network %s; give "
			       "the guest another",
			       text, n->name);
	if (who)
		return err_set(e, -EADDRINUSE,
			       "ip: %s is taken by %s in network %s; give the "
			       "guest another, or leave ip= out",
			       text, who, n->name);
	return 0;
}

/* The number in the subnet's last 32 bits: 1 is the host. */
static void net_number(const struct vif_addr *net, uint32_t num,
		       struct vif_addr *out)
{
	unsigned end = net->family == AF_INET ? 4 : 16, i;
	uint32_t host = num - 1; /* the net's own address ends in 1 */

	*out = *net;
	out->len = (uint8_t)(end * 8);
	for (i = 1; i <= 4 && host; i++, host >>= 8) {
		host += out->addr[end - i];
		out->addr[end - i] = (uint8_t)host;
	}
}

/* A free one, the same for the same MAC as long as that is free. */
static int net_choose(const struct network *n, const struct net_taken *t,
		      const uint8_t mac[6], uint32_t *num)
{
	unsigned bits = n->addr[0].family ? 32u - n->addr[0].len : 16;
	uint32_t most = (1u << (bits > 16 ? 16 : bits)) - 3, h = 2166136261u, i;
	struct vif_addr a;

	for (i = 0; i < 6; i++)
		h = (h ^ mac[i]) * 16777619u;
	h ^= h >> 15;
	for (i = 0; i < most; i++) {
		*num = 2 + (h + i) % most;
		net_number(&n->addr[!n->addr[0].family], *num, &a);
		if (!net_holder(t, &a))
			return 0;
	}
	return -ENOSPC;
}

static void net_add(struct vif *v, const struct vif_addr *a)
{
	unsigned i;

	for (i = 0; i < v->naddr; i++)
		if (vif_addr_same(&v->addr[i], a))
			return;
	if (v->naddr < VIF_ADDRS)
		v->addr[v->naddr++] = *a;
}

/* Those it had, else free ones, of each family that was not asked for. */
static int net_give(const struct network *n, const struct net_taken *t,
		    struct vif *v, struct err *e)
{
	bool asked[2] = { vif_has(v, AF_INET), vif_has(v, AF_INET6) };
	struct vif_addr a;
	uint32_t num = 0;
	unsigned i, k;
	int rc = 0;

	for (i = 0; !rc && i < v->naddr; i++)
		rc = net_may(n, t, &v->addr[i], e);
	for (k = 0; !rc && k < 2; k++) {
		if (asked[k] || !n->addr[k].family)
			continue;
		for (i = 0; i < t->own.n; i++)
			if ((t->own.addr[i].family == AF_INET6) == k)
				net_add(v, &t->own.addr[i]);
		if (vif_has(v, k ? AF_INET6 : AF_INET))
			continue;
		if (!num && net_choose(n, t, v->mac, &num))
			return err_set(e, -ENOSPC,
				       "network %s: all its addresses are "
				       "taken; detach a guest, or make a "
				       "larger one with subnet=",
				       n->name);
		net_number(&n->addr[k], num, &a);
		net_add(v, &a);
	}
	if (!rc && n->addr[1].family) {
		network_eui64(n, v->mac, &a); /* it makes that one itself */
		net_add(v, &a);
	}
	return rc;
}

static int net_host_save(const char *dir, const char *self,
			 const struct network *n, const struct vif *v)
{
	char line[NET_LINE], addr[64], mac[18];
	struct vif_addr eui;
	bool had[2] = { false, false };
	size_t len;
	unsigned i, six;

	vif_print_mac(v->mac, mac);
	len = (size_t)snprintf(line, sizeof(line), "%s", mac);
	network_eui64(n, v->mac, &eui);
	for (i = 0; i < v->naddr; i++) {
		six = v->addr[i].family == AF_INET6;
		if (had[six] || (six && vif_addr_same(&v->addr[i], &eui)))
			continue;
		had[six] = true;
		vif_print_addr(&v->addr[i], addr, sizeof(addr));
		len += (size_t)snprintf(line + len, sizeof(line) - len,
					six ? ",[%s]" : ",%s", addr);
	}
	snprintf(line + len, sizeof(line) - len, ",vif%u-%u\n", v->domid,
		 v->handle);
	return net_write(dir, self, line);
}

static int net_join_locked(struct ctl *c, struct vif *v, bool *was,
			   struct err *e)
{
	char dir[NET_PATH], self[NET_NAME];
	struct net_taken t = { .self = self };
	struct network n;
	int rc = net_load(c, v->network, &n, e);

	if (rc)
		return rc;
	if (!v->has_mac)
		return err_set(e, -EINVAL,
			       "network %s: its guests need a mac=", n.name);
	snprintf(self, sizeof(self), "vif%u.%u", v->domid, v->handle);
	vif_print_mac(v->mac, t.mac);
	rc = net_path(c, n.name, "hosts", dir);
	if (!rc)
		rc = net_taken(dir, &t);
	if (rc)
		err_set(e, rc, "network %s: cannot read %s: %s", n.name, dir,
			strerror(-rc));
	else
		rc = net_give(&n, &t, v, e);
	if (!rc) {
		*was = t.was;
		rc = net_host_save(dir, self, &n, v);
		if (rc)
			err_set(e, rc, "network %s: cannot write %s/%s: %s",
				n.name, dir, self, strerror(-rc));
	}
	free(t.v);
	if (!rc && !n.no_dhcp)
		rc = dns_start(c, &n, e);
	return rc;
}

int net_join(struct ctl *c, struct vif *v, bool *was, struct err *e)
{
	int rc, lock = net_lock(c, v->network, e);

	*was = false;
	if (lock < 0)
		return lock;
	rc = net_join_locked(c, v, was, e);
	net_unlock(c, v->network, lock);
	return rc;
}

struct net_leaver {
	const struct ctl *c;
	char self[NET_NAME];
};

static int net_leave_one(void *arg, const char *name)
{
	struct net_leaver *l = arg;
	char path[NET_PATH], file[NET_NAME + 8];

	snprintf(file, sizeof(file), "hosts/%s", l->self);
	if (!net_path(l->c, name, file, path) && !unlink(path))
		dns_reload(l->c, name);
	return 0;
}

void net_leave(const struct ctl *c, uint16_t domid, uint16_t handle)
{
	struct net_leaver l = { .c = c };

	snprintf(l.self, sizeof(l.self), "vif%u.%u", domid, handle);
	net_each(c, net_leave_one, &l);
}

bool net_exists(const struct ctl *c, const char *name)
{
	char path[NET_PATH];

	return !vif_check_network(name, NULL) &&
	       !net_path(c, name, "words", path) && !access(path, F_OK);
}

void net_warn(const struct ctl *c, const char *name)
{
	struct network n;
	struct err note = { "" };

	if (!net_load(c, name, &n, &note) &&
	    filter_input(&n, c->legacy, &note) == 1)
		fprintf(stderr, "vifctl: network %s: warning: %s\n", name,
			note.text);
}
