/* SPDX-License-Identifier: BSD-3-Clause */

#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explore.h"
#include "side.h"

#define THREADS 4
#define CHOICES 4096

enum state {
	READY,
	WAITING, /* for a lock, or until is_ready() */
	DONE,
};

static struct thread {
	void (*run)(void);
	unsigned int side;
	pthread_t id;
	sem_t baton;
	enum state state;
	const void *lock;
	bool (*is_ready)(void);
	bool may_give_up, gave_up; /* the wait for is_ready() */
	bool killed;
	jmp_buf end;
} threads[THREADS];
static unsigned int thread_count;
static __thread struct thread *self;
static __thread unsigned int atomic_depth;

/* The schedule: what was chosen at each point, and of how many. */
static struct {
	unsigned int taken, count;
} path[CHOICES];
static unsigned int path_length, position, departures;

static const struct scenario *now;
static struct explored found;
static bool dead[SIDES];
static sem_t finished;

enum property explore_expected;

static const char *const property_names[] = {
	[CONFIRMED] = "confirmed", [PINNED] = "pinned",	    [NOT_SILENT] = "not silent",
	[ONE_FD] = "one fd",	   [DEADLOCK] = "deadlock", [MISUSE] = "misuse",
};

void
explore_violated(enum property property, const char *format, ...)
{
	va_list ap;

	printf("%s: schedule %lu violates \"%s\": ", now->name, found.schedules + 1,
	       property_names[property]);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf("\n  choices:");
	for (unsigned int i = 0; i < position; i++)
		if (path[i].taken != 0)
			printf(" %u of %u at point %u;", path[i].taken, path[i].count, i);
	printf("\n");
	exit(property == explore_expected ? 0 : 1);
}

unsigned int
explore_choose(unsigned int count)
{
	if (position < path_length) {
		if (path[position].count != count)
			explore_violated(MISUSE, "point %u has %u ways, and had %u", position,
					 count, path[position].count);
		return path[position++].taken;
	}
	if (position == CHOICES)
		explore_violated(MISUSE, "no end after %u points", position);
	path[position].taken = 0;
	path[position++].count = count;
	path_length = position;
	return 0;
}

/* The next schedule, depth first. */
static bool
path_next(void)
{
	while (path_length > 0 && path[path_length - 1].taken + 1 == path[path_length - 1].count)
		path_length--;
	if (path_length == 0)
		return false;
	path[path_length - 1].taken++;
	return true;
}

static bool
is_late(const struct thread *thread)
{
	return thread->state == WAITING && thread->may_give_up;
}

/* A thread whose wait may be given up can always go on, if that departure is left. */
static bool
can_run(struct thread *thread)
{
	if (thread->state == WAITING && thread->is_ready != NULL && thread->is_ready())
		thread->state = READY;
	return thread->state == READY || (is_late(thread) && departures < now->departures);
}

/* The nth other thread that can run, of this process or of any; NULL: there are not so many. */
static struct thread *
other_find(bool of_any, unsigned int n)
{
	for (unsigned int i = 0; i < thread_count; i++)
		if (&threads[i] != self && (of_any || threads[i].side == self->side) &&
		    can_run(&threads[i]) && n-- == 0)
			return &threads[i];
	return NULL;
}

static unsigned int
others_count(bool of_any)
{
	unsigned int count = 0;

	while (other_find(of_any, count) != NULL)
		count++;
	return count;
}

static void
baton_await(void)
{
	while (sem_wait(&self->baton) != 0)
		;
	if (self->killed)
		longjmp(self->end, 1);
}

static void
baton_give(struct thread *thread)
{
	thread->gave_up = is_late(thread);
	thread->state = READY;
	thread->lock = NULL;
	thread->is_ready = NULL;
	thread->may_give_up = false;
	side_enter(thread->side);
	sem_post(&thread->baton);
}

/* If nothing else happens, time passes: that is no departure. */
static struct thread *
late_find(void)
{
	for (unsigned int i = 0; i < thread_count; i++)
		if (is_late(&threads[i]))
			return &threads[i];
	for (unsigned int i = 0; i < thread_count; i++)
		if (threads[i].state != DONE)
			explore_violated(DEADLOCK, "thread %u waits for ever", i);
	return NULL;
}

/* This thread cannot go on: another one has to. */
static void
others_run(void)
{
	const unsigned int count = others_count(true);
	const bool done = self->state == DONE;
	struct thread *next;

	if (count == 0) {
		next = late_find();
	} else {
		next = other_find(true, count > 1 ? explore_choose(count) : 0);
		departures += is_late(next);
	}
	if (next == NULL)
		sem_post(&finished);
	else
		baton_give(next);
	if (!done)
		baton_await();
}

/* The process of this thread ends, as by kill -9: none of its threads goes on. */
static void
side_kill(void)
{
	const unsigned int side = self->side;

	found.crashes++;
	dead[side] = true;
	for (unsigned int i = 0; i < thread_count; i++) {
		if (threads[i].side != side || threads[i].state == DONE)
			continue;
		threads[i].state = DONE;
		threads[i].killed = true;
		if (&threads[i] != self)
			sem_post(&threads[i].baton);
	}
	atomic_depth++;
	now->died(side);
	atomic_depth--;
	others_run();
	longjmp(self->end, 2);
}

void
explore_yield(bool is_seen)
{
	unsigned int others, ways, way;
	struct thread *next;

	if (self == NULL || atomic_depth > 0)
		return;
	found.steps++;
	atomic_depth++;
	now->step();
	atomic_depth--;
	if (departures == now->departures)
		return;
	others = others_count(is_seen);
	ways = 1 + others + (is_seen && now->crashes && !dead[PRIMARY] && !dead[SECONDARY]);
	way = ways > 1 ? explore_choose(ways) : 0;
	if (way == 0)
		return;
	next = other_find(is_seen, way - 1);
	departures++;
	if (next == NULL)
		side_kill();
	baton_give(next);
	baton_await();
}

bool
explore_wait(bool (*is_ready)(void), bool may_give_up)
{
	explore_yield(true);
	while (!is_ready()) {
		self->state = WAITING;
		self->is_ready = is_ready;
		self->may_give_up = may_give_up;
		others_run();
		if (self->gave_up)
			return false;
	}
	return true;
}

void
explore_atomic(bool begin)
{
	atomic_depth += begin ? 1 : -1;
}

bool
explore_is_dead(unsigned int side)
{
	return dead[side];
}

static void *
thread_main(void *arg)
{
	int jumped;

	self = arg;
	jumped = setjmp(self->end);
	if (jumped == 0) {
		baton_await();
		self->run();
		self->state = DONE;
		others_run();
	}
	return NULL;
}

static void
schedule_begin(void)
{
	position = 0;
	departures = 0;
	memset(dead, 0, sizeof(dead));
	memset(threads, 0, sizeof(threads));
	now->begin();
	for (thread_count = 0; thread_count < THREADS && now->threads[thread_count].run != NULL;
	     thread_count++) {
		threads[thread_count].run = now->threads[thread_count].run;
		threads[thread_count].side = now->threads[thread_count].side;
		sem_init(&threads[thread_count].baton, 0, 0);
	}
	for (unsigned int i = 0; i < thread_count; i++)
		if (pthread_create(&threads[i].id, NULL, thread_main, &threads[i]) != 0)
			abort();
}

static void
schedule_run(void)
{
	schedule_begin();
	/* Who is first is no departure. */
	baton_give(&threads[explore_choose(thread_count)]);
	while (sem_wait(&finished) != 0)
		;
	for (unsigned int i = 0; i < thread_count; i++)
		pthread_join(threads[i].id, NULL);
	now->end();
}

struct explored
explore(const struct scenario *scenario)
{
	now = scenario;
	memset(&found, 0, sizeof(found));
	path_length = 0;
	sem_init(&finished, 0, 0);
	do {
		schedule_run();
		found.schedules++;
		if (found.schedules % 5000 == 0)
			fprintf(stderr, "%s: %lu schedules\n", now->name, found.schedules);
	} while (path_next());
	return found;
}

/*
 * Locks. These stand in front of the C library's, for the library and for the fake EAL: no thread
 * waits in the kernel, where the others would never go on.
 */
int
pthread_mutex_lock(pthread_mutex_t *lock);
int
pthread_mutex_unlock(pthread_mutex_t *lock);
int
pthread_rwlock_rdlock(pthread_rwlock_t *lock);
int
pthread_rwlock_wrlock(pthread_rwlock_t *lock);
int
pthread_rwlock_unlock(pthread_rwlock_t *lock);

typedef int (*mutex_call_t)(pthread_mutex_t *lock);
typedef int (*rwlock_call_t)(pthread_rwlock_t *lock);

static void *
real(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static void
lock_await(const void *lock)
{
	if (atomic_depth > 0)
		explore_violated(MISUSE, "a lock is waited for where none may be");
	self->state = WAITING;
	self->lock = lock;
	others_run();
}

static void
lock_released(const void *lock)
{
	for (unsigned int i = 0; self != NULL && i < thread_count; i++)
		if (threads[i].state == WAITING && threads[i].side == self->side &&
		    threads[i].lock == lock)
			threads[i].state = READY;
}

int
pthread_mutex_lock(pthread_mutex_t *lock)
{
	static mutex_call_t next;

	if (self == NULL) {
		if (next == NULL)
			*(void **)&next = real("pthread_mutex_lock");
		return next(lock);
	}
	explore_yield(false);
	while (pthread_mutex_trylock(lock) != 0)
		lock_await(lock);
	return 0;
}

int
pthread_mutex_unlock(pthread_mutex_t *lock)
{
	static mutex_call_t next;

	if (next == NULL)
		*(void **)&next = real("pthread_mutex_unlock");
	lock_released(lock);
	return next(lock);
}

static int
rwlock_take(pthread_rwlock_t *lock, rwlock_call_t try)
{
	explore_yield(false);
	while (try(lock) != 0)
		lock_await(lock);
	return 0;
}

int
pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
	return rwlock_take(lock, pthread_rwlock_tryrdlock);
}

int
pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
	return rwlock_take(lock, pthread_rwlock_trywrlock);
}

int
pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
	static rwlock_call_t next;

	if (next == NULL)
		*(void **)&next = real("pthread_rwlock_unlock");
	lock_released(lock);
	return next(lock);
}
