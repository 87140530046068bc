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
	unsigned int runs;
	struct fake_holds after[STEPS];	     /* of each step, without a fault */
	uint64_t unpinned[STEPS];	     /* by each, of what a device can reach */
	unsigned char variants[FAKE_POINTS]; /* of each point */
	bool used[256];			     /* tolerances */
	unsigned int alternatives_used[256]; /* a bit for each call */
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
static struct fake_holds other; /* what the kernel has more, or less, by the fault */

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
	fake_mark();
	step.fault_before = fake_faults_failed().call;
}

void
scenario_try(void)
{
	step.tries++;
	if (step.tries == 1 && fake_faults_failed().call == NULL)
		log_clear();
}

static bool
is_of_step(struct fake_fault fault, const char *name, const char *start, const char *call, int err)
{
	return (name == NULL || strcmp(name, scenario->name) == 0) &&
		(start == NULL || strncmp(start, step.name, strlen(start)) == 0) &&
		(call == NULL || strcmp(call, fault.call) == 0) && (err == 0 || err == fault.err);
}

/* The fault of this step, or NULL. */
static const struct tolerance *
tolerance_find(struct fake_fault fault, bool fails)
{
	const struct tolerance *t;

	for (size_t i = 0; i < rules->count; i++) {
		t = &rules->tolerances[i];
		if (is_of_step(fault, t->scenario, t->step, t->call, t->err) &&
		    (t->what >= FAILS_QUIETLY) == fails) {
			shared->used[i] = true;
			return t;
		}
	}
	return NULL;
}

/* A call's place in a list of them, or -1. */
static int
call_index(const char *calls, const char *call)
{
	const size_t len = strlen(call);
	int i = 0;

	for (const char *at = calls; *at != '\0'; at = strchr(at, ' ') + 1, i++)
		if (strncmp(at, call, len) == 0 && at[len] == ' ')
			return i;
	return -1;
}

static const struct alternative *
alternative_find(struct fake_fault fault)
{
	const struct alternative *a;

	for (size_t i = 0; i < rules->alternative_count; i++) {
		a = &rules->alternatives[i];
		if (is_of_step(fault, a->scenario, a->step, NULL, a->err) &&
		    call_index(a->calls, fault.call) >= 0)
			return a;
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

bool
scenario_is_logged(void)
{
	const struct fake_fault fault = fake_faults_failed();

	/* What is read in part or not at all is an error of its own. */
	return is_logged(fault.err) || (strcmp(fault.call, "pread") == 0 && is_logged(EIO));
}

bool
scenario_is_more(void)
{
	return (int)other.areas > 0;
}

bool
scenario_is_less(void)
{
	return (int64_t)other.pinned < 0;
}

void
scenario_may_add(unsigned int areas, uint64_t pinned)
{
	if (fake_faults_failed().call != NULL && other.areas == 0)
		other = (struct fake_holds){ .areas = areas, .pinned = pinned };
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
	if (fake_holds().pinned < step.before.pinned)
		scenario_fail("less is pinned than before");
	if (!same &&
	    (t == NULL ||
	     (t->what != FAILS_CHANGED &&
	      (t->what != FAILS_OPEN || !is_open_besides(step.before)))))
		scenario_fail("the kernel has other files, areas or pins than before");
}

/* The step succeeds with the fault, as it is listed? */
static void
listed_check(void)
{
	const struct tolerance *t = tolerance_find(fake_faults_failed(), false);

	if (t == NULL)
		scenario_fail("the step succeeds, which is not listed");
	else if (t->what == SUCCEEDS_LOGGED && !scenario_is_logged())
		scenario_fail("it is not logged");
}

static bool
alternative_holds(struct fake_holds after)
{
	const struct alternative *alternative = alternative_find(fake_faults_failed());
	const struct fake_holds now = fake_holds();

	if (alternative == NULL)
		return false;
	other.files = now.files - after.files;
	other.areas = now.areas - after.areas;
	other.pinned = now.pinned - after.pinned;
	if (alternative->holds()) {
		shared->alternatives_used[alternative - rules->alternatives] |= 1U
			<< call_index(alternative->calls, fake_faults_failed().call);
		return true;
	}
	memset(&other, 0, sizeof(other));
	return false;
}

/* As without the fault, or with the difference that a step before has listed. */
static bool
is_expected(struct fake_holds after)
{
	const struct fake_holds now = fake_holds();

	if (now.files == after.files)
		other.files = 0;
	if (now.areas == after.areas)
		other.areas = 0;
	if (now.pinned == after.pinned)
		other.pinned = 0;
	after.files += other.files;
	after.areas += other.areas;
	after.pinned += other.pinned;
	return is_same(now, after);
}

/* Memory that a device can reach stays pinned, unless it is unpinned without the fault too. */
static void
unpinned_check(uint64_t expected)
{
	if ((int64_t)other.pinned > 0)
		expected += other.pinned;
	if (fake_unpinned_old() > expected)
		scenario_fail("memory was unpinned that a device can reach");
}

static void
success_check(bool faulty)
{
	const unsigned int i = step.index - 1;

	if (mode == COUNT) {
		shared->after[i] = fake_holds();
		shared->unpinned[i] = fake_unpinned_old();
		return;
	}
	unpinned_check(given_up ? 0 : shared->unpinned[i]);
	if (faulty && step.tries == 1) {
		if (alternative_holds(shared->after[i]))
			return;
		listed_check();
	}
	if (!given_up && !is_expected(shared->after[i]))
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
	unpinned_check(0);
	given_up = mode == GIVE_UP;
	return !given_up;
}

bool
scenario_is_given_up(void)
{
	return given_up;
}

void
scenario_leave(void)
{
	if (fake_faults_failed().call == NULL)
		scenario_fail("it ends without a fault");
	given_up = true;
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
	if (fake_faults_live() > rules->live)
		scenario_fail("memory is leaked");
	if (!is_same(fake_holds(), none))
		scenario_fail("files, areas or pins are left");
	if (fds_open() != fds)
		scenario_fail("files of the process are left");
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
	memset(&other, 0, sizeof(other));
	log_clear();
	fake_faults_begin(mode == COUNT ? 0 : point, variant);
	scenario->run();
	if (mode == COUNT) {
		shared->points = fake_faults_end();
		for (unsigned int i = 0; i < shared->points; i++)
			shared->variants[i] = fake_faults_variants(i + 1);
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

static int
call_count(const char *calls)
{
	int count = 0;

	for (; *calls != '\0'; calls++)
		count += *calls == ' ';
	return count;
}

/* A reason that excuses nothing is out of date. */
static int
reason_check(bool used, const char *where, const char *call, const char *reason)
{
	if (!used)
		fprintf(stderr, "%s, %s: nothing happens that is tolerated, since %s\n",
			where != NULL ? where : "any step", call != NULL ? call : "any call",
			reason);
	return used ? 0 : 1;
}

static int
rules_check(void)
{
	int unused = 0;

	for (size_t i = 0; i < rules->count; i++)
		unused |= reason_check(shared->used[i], rules->tolerances[i].step,
				       rules->tolerances[i].call, rules->tolerances[i].reason);
	for (size_t i = 0; i < rules->alternative_count; i++)
		unused |= reason_check((shared->alternatives_used[i] + 1) >>
						       call_count(rules->alternatives[i].calls) !=
					       0,
				       rules->alternatives[i].step, rules->alternatives[i].calls,
				       rules->alternatives[i].reason);
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
	count_failed += rules_check();
	munmap(shared, sizeof(*shared));
	return count_failed;
}
