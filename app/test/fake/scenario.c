/* SPDX-License-Identifier: BSD-3-Clause */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_faults.h"
#include "fake_kernel.h"
#include "log_capture.h"
#include "process.h"
#include "scenario.h"

#define STEPS 64
#define PRINTED 400 /* failures of a scenario */
#define CHILD_SECONDS 60

enum mode { COUNT, TRY_AGAIN, GIVE_UP };

/* Shared with the processes of runs. */
static struct shared {
	unsigned int points;
	unsigned int failures;
	unsigned int live; /* allocations at the end, without a fault */
	uint64_t unpinned; /* while a device was there, without a fault */
	unsigned int runs;
	unsigned int step_count;
	struct fake_holds after[STEPS]; /* of each step, without a fault */
	unsigned char variants[8192];	/* of each point */
	bool used[256];			/* tolerances */
} * shared;

/* The run that is under way. */
static const struct scenario *scenario;
static const struct scenario_rules *rules;
static enum mode mode;
static unsigned int point, variant;
static struct {
	const char *name;
	const char *text;
	unsigned int index;
	unsigned int tries;
	struct fake_holds before;
	const char *fault_before; /* a fault of an earlier step */
} step;
static bool given_up;
static bool failed;  /* a step has, by the fault */
static bool changed; /* a fault had an effect that the run without it has not */

void
scenario_fail(const char *what)
{
	const struct fake_fault fault = fake_faults_failed();

	if (shared->failures++ >= PRINTED)
		return;
	fprintf(stderr, "%s: \"%s\", point %u (%s: %s, %s): %s%s%s\n", scenario->name, step.name,
		point, fault.call != NULL ? fault.call : "no fault",
		fault.call != NULL ? strerror(fault.err) : "-",
		mode == TRY_AGAIN ? "try again" : "give up", what,
		log_text()[0] != '\0' ? "; log:\n" : "", log_text());
}

static bool
is_same(struct fake_holds left, struct fake_holds right)
{
	return left.files == right.files && left.areas == right.areas &&
		left.pinned == right.pinned;
}

void
scenario_step_begin(const char *name, const char *text)
{
	if (step.index == STEPS) {
		scenario_fail("too many steps");
		return;
	}
	step.name = name;
	step.text = text;
	step.index++;
	step.tries = 0;
	step.before = fake_holds();
	step.fault_before = fake_faults_failed().call;
}

void
scenario_try(void)
{
	step.tries++;
	if (step.tries == 1 && fake_faults_failed().call == NULL)
		log_clear();
}

/* The fault of this step, or NULL. */
static const struct tolerance *
tolerance_find(struct fake_fault fault, bool fails)
{
	const struct tolerance *t;

	for (size_t i = 0; i < rules->count; i++) {
		t = &rules->tolerances[i];
		if ((t->scenario == NULL || strcmp(t->scenario, scenario->name) == 0) &&
		    (t->step == NULL || strncmp(t->step, step.name, strlen(t->step)) == 0) &&
		    (t->call == NULL || strcmp(t->call, fault.call) == 0) &&
		    (t->err == 0 || t->err == fault.err) && (t->what >= FAILS_QUIETLY) == fails) {
			shared->used[i] = true;
			return t;
		}
	}
	return NULL;
}

/* One more file, and nothing else? */
static bool
is_open_besides(struct fake_holds before)
{
	before.files++;
	return is_same(fake_holds(), before);
}

static bool
is_logged(int err)
{
	const char *const words[] = { step.text != NULL ? step.text : "", strerror(err), NULL };

	return log_has(RTE_VFIO_CDEV_LOG_ERR, words) || log_has(RTE_VFIO_CDEV_LOG_WARNING, words);
}

/* The step has failed by the fault. */
static void
failure_check(int ret, int err)
{
	const struct fake_fault fault = fake_faults_failed();
	const struct tolerance *t = NULL;
	const bool logged = is_logged(fault.err) || is_logged(err) || (ret < -1 && is_logged(-ret));
	const bool same = is_same(fake_holds(), step.before);

	if (!logged || !same)
		t = tolerance_find(fault, true);
	if (!logged && (t == NULL || t->what != FAILS_QUIETLY))
		scenario_fail("no line of the log has the subject and the error");
	if (!same &&
	    (t == NULL ||
	     (t->what != FAILS_CHANGED &&
	      (t->what != FAILS_OPEN || !is_open_besides(step.before)))))
		scenario_fail("the kernel has other files, areas or pins than before");
}

static void
success_check(bool faulty)
{
	struct fake_holds *after = &shared->after[step.index - 1];
	const struct tolerance *t;

	if (mode == COUNT) {
		*after = fake_holds();
		return;
	}
	if (faulty && step.tries == 1) {
		t = tolerance_find(fake_faults_failed(), false);
		changed = t == NULL || t->what != SUCCEEDS;
		if (t == NULL)
			scenario_fail("the step succeeds, which is not listed");
		if (t != NULL && t->what == SUCCEEDS_LOGGED && !is_logged(fake_faults_failed().err))
			scenario_fail("it is not logged");
	}
	if (!given_up && !changed && !is_same(fake_holds(), *after))
		scenario_fail("the kernel has not what it has without the fault");
}

bool
scenario_is_tried_again(int ret)
{
	const int err = errno;
	const bool faulty = step.fault_before == NULL && fake_faults_failed().call != NULL;

	if (ret >= 0) {
		success_check(faulty);
		return false;
	}
	if (!faulty || step.tries > 1) {
		scenario_fail(faulty ? "the second try fails" : "fails without a fault in it");
		given_up = true;
		return false;
	}
	failure_check(ret, err);
	failed = true;
	given_up = mode == GIVE_UP;
	return !given_up;
}

bool
scenario_is_given_up(void)
{
	return given_up;
}

static unsigned int
fds_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		closedir(dir);
	return count;
}

static void
end_check(unsigned int fds)
{
	const struct fake_holds none = { 0 };

	step.name = "the end";
	if (fake_faults_live() > shared->live && mode != COUNT)
		scenario_fail("memory is leaked");
	if (!is_same(fake_holds(), none) && !is_same(fake_holds(), shared->after[STEPS - 1]))
		scenario_fail("files, areas or pins are left");
	if (fds_open() != fds)
		scenario_fail("files of the process are left");
	if (fake_unpinned_live() > shared->unpinned && mode != COUNT && !failed && !changed)
		scenario_fail("more memory was unpinned while a device could reach it");
	if (fake_bad_fds() != 0)
		scenario_fail("a file that is not open was used");
}

static void
run_here(void)
{
	const unsigned int fds = fds_open();

	memset(&step, 0, sizeof(step));
	step.name = "the start";
	given_up = false;
	failed = false;
	changed = false;
	log_clear();
	fake_faults_begin(mode == COUNT ? 0 : point, variant);
	scenario->run();
	if (mode == COUNT) {
		shared->points = fake_faults_end();
		shared->live = fake_faults_live();
		for (unsigned int i = 0; i < shared->points; i++)
			shared->variants[i] = fake_faults_variants(i + 1);
		shared->after[STEPS - 1] = fake_holds();
		shared->unpinned = fake_unpinned_live();
	}
	fake_faults_end();
	if (mode != COUNT && fake_faults_failed().call == NULL)
		scenario_fail("the call that was to fail was not made");
	end_check(fds);
	shared->runs++;
}

static void
run(enum mode how, unsigned int nth, unsigned int error)
{
	int status;
	pid_t pid;

	mode = how;
	point = nth;
	variant = error;
	if (!rules->apart) {
		run_here();
		return;
	}
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(CHILD_SECONDS);
		run_here();
		fflush(NULL);
		process_end(0);
	}
	step.name = "all";
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		scenario_fail("the process has not ended");
}

static bool
scenario_run(const struct scenario *which)
{
	scenario = which;
	shared->failures = 0;
	shared->runs = 0;
	if (which->prepare != NULL)
		which->prepare();
	run(COUNT, 0, 0);
	for (unsigned int nth = 1; nth <= shared->points && shared->failures < PRINTED; nth++)
		for (unsigned int i = 0; i < shared->variants[nth - 1]; i++) {
			run(TRY_AGAIN, nth, i);
			run(GIVE_UP, nth, i);
		}
	fprintf(stderr, "%s: %u points, %u runs, %u failures\n", which->name, shared->points,
		shared->runs, shared->failures);
	return shared->failures == 0;
}

/* A reason that excuses nothing is out of date. */
static int
tolerances_check(void)
{
	int unused = 0;

	for (size_t i = 0; i < rules->count; i++)
		if (!shared->used[i]) {
			fprintf(stderr, "nothing happens that is tolerated, since %s\n",
				rules->tolerances[i].reason);
			unused = 1;
		}
	return unused;
}

int
scenarios_run(const char *name, const struct scenario *scenarios, size_t count,
	      const struct scenario_rules *with)
{
	int count_failed = 0;

	fprintf(stderr, "%s\n", name);
	rules = with;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < count; i++)
		count_failed += !scenario_run(&scenarios[i]);
	count_failed += tolerances_check();
	munmap(shared, sizeof(*shared));
	return count_failed;
}
