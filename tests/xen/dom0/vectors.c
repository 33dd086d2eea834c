// SPDX-License-Identifier: GPL-2.0-or-later
/* vectors.c - does the emulator keep each process's vector registers apart?
 *
 *   vectors SECONDS PROCESSES	 exit status 0: no register changed
 *
 * Under QEMU's TCG, with Xen's lazy switching, they leak, and then memset and
 * checksums go wrong once in thousands of times: every other test would be
 * worthless. Each process keeps a pattern of its own in a register over page
 * faults, which go through the hypervisor, and over time slices.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { VECTORS_BATCH = 400, VECTORS_PAGES = 8192 };

static int vectors_once_sse(const uint8_t *in, uint8_t *out, uint8_t *page)
{
	__asm__ volatile("movdqu (%0), %%xmm7\n\tmovb $1, (%2)\n\t"
			 "mov $3000, %%ecx\n1:\tdec %%ecx\n\tjnz 1b\n\t"
			 "movb $1, 4096(%2)\n\tmovdqu %%xmm7, (%1)"
			 :
			 : "r"(in), "r"(out), "r"(page)
			 : "ecx", "memory", "xmm7");
	return memcmp(in, out, 16) != 0;
}

__attribute__((target("avx"))) static int
vectors_once_avx(const uint8_t *in, uint8_t *out, uint8_t *page)
{
	__asm__ volatile("vmovdqu (%0), %%ymm7\n\tmovb $1, (%2)\n\t"
			 "mov $3000, %%ecx\n1:\tdec %%ecx\n\tjnz 1b\n\t"
			 "movb $1, 4096(%2)\n\tvmovdqu %%ymm7, (%1)"
			 :
			 : "r"(in), "r"(out), "r"(page)
			 : "ecx", "memory", "xmm7");
	return memcmp(in, out, 32) != 0;
}

static int vectors_child(unsigned id, time_t end)
{
	int avx = id % 2 && __builtin_cpu_supports("avx");
	uint8_t in[32], out[32];
	unsigned i, round = 0, bad = 0;

	while (time(NULL) < end) {
		for (i = 0; i < VECTORS_BATCH; i++) {
			uint8_t *page = mmap(
				NULL, VECTORS_PAGES, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			if (page == MAP_FAILED)
				return 1;
			memset(in, (int)(id * 16 + round++ % 16), sizeof(in));
			bad += avx ? vectors_once_avx(in, out, page)
				   : vectors_once_sse(in, out, page);
			munmap(page, VECTORS_PAGES);
		}
	}
	printf("%s: %u of %u wrong\n", avx ? "avx" : "sse", bad, round);
	return bad != 0;
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 4);
	unsigned i, n = argc > 2 ? (unsigned)atoi(argv[2]) : 4;
	int status, bad = 0;

	for (i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (!pid)
			exit(vectors_child(i, end));
	}
	while (wait(&status) > 0)
		bad |= status;
	return bad != 0;
}
