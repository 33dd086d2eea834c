// SPDX-License-Identifier: GPL-2.0-or-later
/* test_sandbox.c - what a worker may ask of the kernel, and what ends it */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/num.h"
#include "daemon/sandbox.h"
#include "syscalls.h"

static void duties(void)
{
	int fl = fcntl(0, F_GETFL);
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	fcntl(0, F_GET_SEALS);
	if (fl < 0 || fcntl(0, F_SETFL, fl) || p == MAP_FAILED)
		_exit(1);
}

static void signal_somebody(void)
{
	fcntl(0, F_SETOWN, getppid());
}

static void make_code(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	     0);
}

static void shrink(void)
{
	(void)!ftruncate(0, 0);
}

static void dial(void)
{
	socket(AF_UNIX, SOCK_STREAM, 0);
}

static void look(void)
{
	open("/", O_RDONLY | O_PATH);
}

/* How a confined child ends: its status, or minus the signal. */
static int confined(void (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    sandbox_worker(NULL))
			_exit(2);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void a_worker_can_work(void **state)
{
	(void)state;
	assert_int_equal(confined(duties), 0);
}

static void anything_else_ends_it(void **state)
{
	(void)state;
	assert_int_equal(confined(signal_somebody), -SIGSYS);
	assert_int_equal(confined(make_code), -SIGSYS);
	assert_int_equal(confined(shrink), -SIGSYS);
	assert_int_equal(confined(dial), -SIGSYS);
#ifndef NETBACK_SAN
	assert_int_equal(confined(look), -SIGSYS);
#else
	(void)look; /* the sanitizers read /proc */
#endif
}

/* Ways out that a guest would try which has taken over its worker. */
static const struct {
	const char *name;
	long nr;
} ways[] = {
#define WAY(call)                                                              \
	{                                                                      \
#call, SYS_##call                                              \
	}
	WAY(openat2),
	WAY(open_by_handle_at),
	WAY(execve),
	WAY(execveat),
	WAY(socketpair),
	WAY(connect),
	WAY(bind),
	WAY(listen),
	WAY(accept4),
	WAY(sendto),
	WAY(recvfrom),
	WAY(sendmmsg),
	WAY(setsockopt),
	WAY(ptrace),
	WAY(process_vm_readv),
	WAY(process_vm_writev),
	WAY(kill),
	WAY(tkill),
	WAY(rt_sigqueueinfo),
	WAY(pidfd_open),
	WAY(pidfd_getfd),
	WAY(pidfd_send_signal),
	WAY(kcmp),
	WAY(clone),
	WAY(clone3),
	WAY(unshare),
	WAY(setns),
	WAY(mount),
	WAY(umount2),
	WAY(move_mount),
	WAY(fsopen),
	WAY(open_tree),
	WAY(pivot_root),
	WAY(chroot),
	WAY(chdir),
	WAY(fchdir),
	WAY(mknodat),
	WAY(unlinkat),
	WAY(renameat2),
	WAY(linkat),
	WAY(symlinkat),
	WAY(fchmodat),
	WAY(fchownat),
	WAY(truncate),
	WAY(fallocate),
	WAY(setuid),
	WAY(setresuid),
	WAY(setgroups),
	WAY(capset),
	WAY(seccomp),
	WAY(io_uring_setup),
	WAY(io_uring_enter),
	WAY(io_uring_register),
	WAY(bpf),
	WAY(perf_event_open),
	WAY(userfaultfd),
	WAY(add_key),
	WAY(keyctl),
	WAY(memfd_create),
	WAY(dup),
	WAY(dup3),
	WAY(vmsplice),
	WAY(splice),
	WAY(tee),
	WAY(sendfile),
	WAY(pkey_mprotect),
	WAY(remap_file_pages),
	WAY(shmget),
	WAY(mq_open),
	WAY(prlimit64),
	WAY(sched_setscheduler),
	WAY(setpriority),
	WAY(personality),
	WAY(init_module),
	WAY(kexec_load),
	WAY(reboot),
	WAY(settimeofday),
	WAY(syslog),
	WAY(swapon),
	WAY(inotify_init1),
	WAY(fanotify_init),
	WAY(timerfd_create),
	WAY(eventfd2),
	WAY(signalfd4),
	WAY(pipe2),
	WAY(getdents64),
#undef WAY
#ifdef __x86_64__
	{ "write of the x32 kind", SYS_write | 0x40000000 },
#endif
	{ "a number that no call has", 100000 },
};

static unsigned way;

static void try_way(void)
{
	syscall(ways[way].nr, -1, 0, 0, 0, 0, 0);
}

static void unmake_a_tap(void)
{
	ioctl(0, TUNSETPERSIST, 0);
}

static void take_another_tap(void)
{
	ioctl(0, TUNSETIFF, NULL);
}

static void every_way_out_ends_it(void **state)
{
	(void)state;
	for (way = 0; way < ARRAY_SIZE(ways); way++) {
		if (confined(try_way) != -SIGSYS)
			fail_msg("%s does not end a worker", ways[way].name);
	}
	assert_int_equal(confined(unmake_a_tap), -SIGSYS);
	assert_int_equal(confined(take_another_tap), -SIGSYS);
}

#ifndef NETBACK_SAN

static bool listed(long nr)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(syscalls_worker); i++) {
		if (syscalls_worker[i] == nr)
			return true;
	}
	return false;
}

static long number;

static void try_number(void)
{
	/* An argument's values matter for two of the list, and -1 is none. */
	syscall(number, -1, -1, 0, 0, 0, -1);
}

static void the_list_is_what_is_allowed(void **state)
{
	int how;

	(void)state;
	for (number = 0; number < 512; number++) {
		bool part = number == SYS_fcntl || number == SYS_ioctl;

#ifdef __x86_64__
		/* uretprobe and uprobe: newer kernels filter neither, and
		 * take them from places alone where they put them.
		 */
		if (number == 335 || number == 336)
			continue;
#endif
		how = confined(try_number);
		if ((how != -SIGSYS) != (listed(number) && !part))
			fail_msg("call %ld: %d", number, how);
	}
}

/* Whoever has no memory left is confined as anybody. */
static void starve(void)
{
	struct rlimit none = { 0, 0 };
	volatile char stack[65536]; /* it cannot grow any more then */
	void *volatile p;
	size_t n;

	for (n = 0; n < sizeof(stack); n += 1024)
		stack[n] = 0;
	setrlimit(RLIMIT_DATA, &none);
	setrlimit(RLIMIT_AS, &none);
	for (n = 1 << 20; n; n /= 2) {
		do
			p = malloc(n);
		while (p);
	}
	if (sandbox_worker(NULL))
		_exit(2);
	if (fcntl(0, F_GETFL) < 0)
		_exit(1);
	getppid();
}

static void confining_needs_no_memory(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (!pid) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
			_exit(3);
		starve();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

#endif

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_can_work),
		cmocka_unit_test(anything_else_ends_it),
		cmocka_unit_test(every_way_out_ends_it),
#ifndef NETBACK_SAN /* a sanitizer does more, and takes more memory */
		cmocka_unit_test(the_list_is_what_is_allowed),
		cmocka_unit_test(confining_needs_no_memory),
#endif
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
