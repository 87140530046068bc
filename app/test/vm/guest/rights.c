/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Capabilities are a thread's (capabilities(7)). capset(2) is for the calling one; so each is
 * sent a signal whose handler calls it, as libpsx does.
 */

#include <dirent.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "rights.h"

static unsigned int dropped;
static sem_t done;

static void
thread_drop(int signal)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	struct __user_cap_data_struct *set = &sets[CAP_TO_INDEX(dropped)];
	const unsigned int mask = ~CAP_TO_MASK(dropped);

	(void)signal;
	memset(sets, 0, sizeof(sets));
	if (syscall(SYS_capget, &header, sets) != 0)
		abort();
	set->effective &= mask;
	set->permitted &= mask;
	set->inheritable &= mask;
	if (syscall(SYS_capset, &header, sets) != 0)
		abort();
	sem_post(&done);
}

unsigned int
rights_drop(unsigned int capability)
{
	struct sigaction action;
	struct dirent *entry;
	unsigned int count = 0;
	DIR *threads;

	memset(&action, 0, sizeof(action));
	action.sa_handler = thread_drop;
	action.sa_flags = SA_RESTART;
	dropped = capability;
	threads = opendir("/proc/self/task");
	if (threads == NULL || sem_init(&done, 0, 0) != 0 ||
	    sigaction(SIGRTMAX, &action, NULL) != 0)
		abort();
	while ((entry = readdir(threads)) != NULL)
		if (entry->d_name[0] != '.' &&
		    syscall(SYS_tgkill, getpid(), atoi(entry->d_name), SIGRTMAX) == 0)
			count++;
	for (unsigned int i = 0; i < count; i++)
		while (sem_wait(&done) != 0)
			;
	closedir(threads);
	return count;
}
