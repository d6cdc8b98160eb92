/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/urgent.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NICE = -10 };

void urgent_thread(enum urgency urgency)
{
	const struct sched_param level = {.sched_priority = (int)urgency};

	if (pthread_setschedparam(pthread_self(), SCHED_RR, &level))
		setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
}

void urgent_lock_init(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
}
