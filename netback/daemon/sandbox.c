// SPDX-License-Identifier: GPL-2.0-or-later
/* sandbox.c - what the nursery and its workers give up, for good
 *
 * supervisor  uid 0, CAP_NET_ADMIN	 never touches guest memory
 * nursery     own uid, no capability, empty root, no network, forks
 * worker      the same, and only the system calls noted beside the code
 *
 * chroot and unshare need more than CAP_NET_ADMIN, so the nursery is forked
 * before the supervisor drops the rest. The empty root is a directory that was
 * removed while we stood in it: nothing can be made in it. Where the user
 * namespace maps one uid only (unshare -r), there is no other uid to become.
 */
#include "daemon/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "hv.h"
#include "syscalls.h"

#if defined(__x86_64__)
enum { SANDBOX_ARCH = (int)AUDIT_ARCH_X86_64 };
#elif defined(__aarch64__)
enum { SANDBOX_ARCH = (int)AUDIT_ARCH_AARCH64 };
#elif defined(__riscv) && __riscv_xlen == 64
enum { SANDBOX_ARCH = (int)AUDIT_ARCH_RISCV64 };
#else
#error "sandbox.c: name this architecture's AUDIT_ARCH; little endian, 64 bits"
#endif

enum {
	SANDBOX_STEPS = 256, /* of a worker's program: twice what it needs */
};

/* A word of what the kernel knows of a call; of an argument its low half. */
#define SANDBOX_LOAD(field)                                                    \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

/* Whether one id alone is mapped into our user namespace. */
static bool sandbox_one_id(void)
{
	unsigned long inside, outside, n;
	FILE *f = fopen("/proc/self/uid_map", "re");
	bool one;

	if (!f)
		return false;
	one = fscanf(f, "%lu %lu %lu", &inside, &outside, &n) == 3 && n == 1 &&
	      fscanf(f, "%lu %lu %lu", &inside, &outside, &n) != 3;
	fclose(f);
	return one;
}

int sandbox_find_id(struct sandbox_id *id, const char *user, struct err *e)
{
	struct passwd *pw = NULL;

	*id = (struct sandbox_id){ 0 };
	if (user) {
		pw = getpwnam(user);
		if (!pw)
			return err_set(e, -ENOENT,
				       "--uid %s: there is no such user", user);
		if (!pw->pw_uid)
			return err_set(e, -EINVAL,
				       "--uid %s: workers must not be root",
				       user);
	}
	if (geteuid() || sandbox_one_id())
		return 0;
	if (!pw)
		pw = getpwnam("netback");
	if (!pw)
		pw = getpwnam("nobody");
	id->change = true;
	id->uid = pw ? pw->pw_uid : 65534;
	id->gid = pw ? pw->pw_gid : 65534;
	return 0;
}

/* Into a directory which is gone: nothing to see, nowhere to write. */
static int sandbox_empty_root(const char *run)
{
	char path[256];
	int rc;

	if (str_fmt(path, sizeof(path), "%s/empty.XXXXXX", run) < 0)
		return -ENAMETOOLONG;
	if (!mkdtemp(path))
		return -errno;
	rc = chdir(path) ? -errno : 0;
	/* Else it stays for ever: nobody looks for it. */
	if (rmdir(path) && rmdir(path) && !rc)
		rc = -errno;
	if (!rc && (chroot(".") || chdir("/")))
		rc = -errno;
	return rc;
}

static int sandbox_drop_bounding(void)
{
	int cap;

	for (cap = 0; cap <= CAP_LAST_CAP; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EINVAL)
			return -errno;
	}
	return 0;
}

static int sandbox_become(const struct sandbox_id *id)
{
	if (!id->change)
		return 0;
	if (setgroups(0, NULL) || setresgid(id->gid, id->gid, id->gid) ||
	    setresuid(id->uid, id->uid, id->uid))
		return -errno;
	return 0;
}

static int sandbox_drop_caps(void)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_CAPS))
		return -EPERM;
	/* An older kernel has no ambient set: nothing to clear then. */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}

int sandbox_tie(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

int sandbox_nursery(const struct sandbox_id *id, const char *run, struct err *e)
{
	int rc;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
		    CLONE_NEWCGROUP | CLONE_FILES | CLONE_FS))
		return err_set(e, -errno, "cannot unshare namespaces: %s",
			       strerror(errno));
	rc = sandbox_empty_root(run);
	if (rc)
		return err_set(e, rc, "cannot enter an empty root in %s: %s",
			       run, strerror(-rc));
	rc = sandbox_drop_bounding();
	if (!rc)
		rc = sandbox_become(id);
	if (rc)
		return err_set(e, rc, "cannot become uid %u: %s",
			       (unsigned)id->uid, strerror(-rc));
	rc = sandbox_drop_caps();
	return rc ? err_set(e, rc, "cannot drop capabilities: %s",
			    strerror(-rc))
		  : 0;
}

/* The list as a program for the kernel, which it runs at each system call. Made
 * without an allocation: libseccomp 2.5, short of memory while it makes one, says
 * nothing and gives a program that lacks some calls.
 */
struct sandbox_prog {
	struct sock_filter v[SANDBOX_STEPS];
	unsigned n;
};

static void sandbox_step(struct sandbox_prog *p, struct sock_filter step)
{
	if (p->n < SANDBOX_STEPS)
		p->v[p->n] = step;
	p->n++;
}

static void sandbox_end(struct sandbox_prog *p, uint32_t what)
{
	sandbox_step(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what));
}

/* Goes on if the loaded word is this, else past as many steps. */
static void sandbox_if(struct sandbox_prog *p, uint32_t value, uint8_t past)
{
	sandbox_step(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						     value, 0, past));
}

static void sandbox_allow_value(struct sandbox_prog *p, uint32_t value)
{
	sandbox_if(p, value, 1);
	sandbox_end(p, SECCOMP_RET_ALLOW);
}

/* Allowed with some values of an argument. The kernel looks at 32 bits of it. */
static void sandbox_allow_part(struct sandbox_prog *p, uint32_t nr)
{
	static const uint32_t cmd[] = { F_GETFL, F_SETFL, F_GET_SEALS };
	const unsigned long *xen = hv_xen_ioctls;
	unsigned at = p->n, i;

	sandbox_if(p, nr, 0);
	if (nr == SYS_mmap) { /* it could make code */
		sandbox_step(p, (struct sock_filter)SANDBOX_LOAD(args[2]));
		sandbox_step(p, (struct sock_filter)BPF_STMT(
					BPF_ALU | BPF_AND | BPF_K, PROT_EXEC));
		sandbox_allow_value(p, 0);
	} else {
		sandbox_step(p, (struct sock_filter)SANDBOX_LOAD(args[1]));
	}
	/* It can also name a process to send signals to. */
	for (i = 0; nr == SYS_fcntl && i < ARRAY_SIZE(cmd); i++)
		sandbox_allow_value(p, cmd[i]);
	/* Xen's devices; a tap's holder could otherwise unmake the tap. */
	for (; nr == SYS_ioctl && *xen; xen++)
		sandbox_allow_value(p, (uint32_t)*xen);
	sandbox_end(p, SECCOMP_RET_KILL_PROCESS);
	if (p->n <= SANDBOX_STEPS)
		p->v[at].jf = (uint8_t)(p->n - at - 1);
}

static void sandbox_allow(struct sandbox_prog *p, const uint16_t *nr,
			  unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		if (nr[i] == SYS_mmap || nr[i] == SYS_fcntl ||
		    nr[i] == SYS_ioctl)
			sandbox_allow_part(p, nr[i]);
		else
			sandbox_allow_value(p, nr[i]);
	}
}

int sandbox_worker(struct err *e)
{
	struct sandbox_prog p = {
		.v = {
			SANDBOX_LOAD(arch),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SANDBOX_ARCH, 1, 0),
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
			SANDBOX_LOAD(nr),
		},
		.n = 4,
	};
	struct sock_fprog f = { .filter = p.v };
	int rc = 0;

	sandbox_allow(&p, syscalls_worker, ARRAY_SIZE(syscalls_worker));
#ifdef NETBACK_SAN
	sandbox_allow(&p, syscalls_worker_san, ARRAY_SIZE(syscalls_worker_san));
#endif
	sandbox_end(&p, SECCOMP_RET_KILL_PROCESS);
	f.len = (unsigned short)p.n;
	if (p.n > SANDBOX_STEPS)
		rc = -E2BIG;
	else if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &f))
		rc = -errno;
	return rc ? err_set(e, rc, "cannot confine a worker: %s", strerror(-rc))
		  : 0;
}

int sandbox_supervisor(struct err *e)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
			 CAP_NET_ADMIN) ||
	    capng_apply(CAPNG_SELECT_BOTH))
		return err_set(e, -EPERM,
			       "cannot keep CAP_NET_ADMIN; start netbackd as "
			       "root, or with: unshare -Urn");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return err_set(e, -errno, "no_new_privs: %s", strerror(errno));
	return 0;
}
