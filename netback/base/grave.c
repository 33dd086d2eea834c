// SPDX-License-Identifier: GPL-2.0-or-later
/* grave.c - close what a stranger gave us, where waiting harms nobody */
#include "base/grave.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct grave {
	pthread_mutex_t lock;
	int *fd;
	unsigned n, room;
	bool digging; /* there is a thread, and the grave is its, too */
	bool left;    /* grave_close was called */
};

int grave_open(struct grave **out)
{
	struct grave *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	pthread_mutex_init(&g->lock, NULL);
	*out = g;
	return 0;
}

static void grave_free(struct grave *g)
{
	pthread_mutex_destroy(&g->lock);
	free(g->fd);
	free(g);
}

static void *grave_dig(void *arg)
{
	struct grave *g = arg;
	bool left;
	int fd;

	pthread_mutex_lock(&g->lock);
	while (g->n) {
		fd = g->fd[--g->n];
		pthread_mutex_unlock(&g->lock);
		close(fd);
		pthread_mutex_lock(&g->lock);
	}
	g->digging = false;
	left = g->left;
	pthread_mutex_unlock(&g->lock);
	if (left)
		grave_free(g);
	return NULL;
}

/* Without a thread it stays busy; the next put tries again. */
static bool grave_start(struct grave *g)
{
	pthread_attr_t a;
	pthread_t t;
	int rc;

	pthread_attr_init(&a);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&t, &a, grave_dig, g);
	pthread_attr_destroy(&a);
	return rc == 0;
}

static bool grave_room(struct grave *g)
{
	unsigned room = g->room * 2 + 8;
	int *more;

	if (g->n < g->room)
		return true;
	more = realloc(g->fd, room * sizeof(*more));
	if (!more)
		return false;
	g->fd = more;
	g->room = room;
	return true;
}

void grave_put(struct grave *g, int fd)
{
	if (fd < 0)
		return;
	pthread_mutex_lock(&g->lock);
	if (!grave_room(g)) {
		pthread_mutex_unlock(&g->lock);
		close(fd); /* here, and wait: better than to keep it */
		return;
	}
	g->fd[g->n++] = fd;
	if (!g->digging)
		g->digging = grave_start(g);
	pthread_mutex_unlock(&g->lock);
}

bool grave_busy(struct grave *g)
{
	bool busy;

	pthread_mutex_lock(&g->lock);
	if (g->n && !g->digging)
		g->digging = grave_start(g);
	busy = g->n || g->digging;
	pthread_mutex_unlock(&g->lock);
	return busy;
}

void grave_close(struct grave *g)
{
	bool digging;

	if (!g)
		return;
	pthread_mutex_lock(&g->lock);
	g->left = true;
	digging = g->digging;
	pthread_mutex_unlock(&g->lock);
	if (!digging)
		grave_free(g);
}
