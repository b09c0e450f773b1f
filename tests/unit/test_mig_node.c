/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A job's GPU instances on its node, against the fake driver: made, found by tasks,
 * removed, left alone, and what remains when calls fail, nodes die and prologs are
 * killed.
 */
#include "config.h"

#include "graph.h"
#include "tests/mock/fake_mig.h"
#include "plugin/common/mig_text.h"
#include "plugin/node/mig/mig_node.h"
#include "unit.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NODE "n1"
#define GPUS 2

static char folder[64], state_folder[PATH_MAX], why[256];
static struct gp_mig_node node;

/* slurmctld: what a job has of the node, -2: as much as it asks for; who still runs. */
static int given;
static uint32_t running;
static const char *gpus;

static const char *asked_place;

static int slices_of(uint32_t job, const char *name)
{
	int slices = 0;

	(void)job;
	for (const char *at = asked_place; given == -2 && at;) {
		struct gp_mig_entry entry;

		if (!gp_mig_entry_next(&at, &entry))
			break;
		if (gp_mig_entry_is_on(&entry, name))
			slices += entry.slice.size;
	}
	return given == -2 ? slices : given;
}

static bool is_running(uint32_t job, int restart, const char *name)
{
	(void)restart;
	return job == running && strcmp(name, NODE) == 0;
}

static const struct gp_mig_authority slurmctld = {slices_of, is_running};

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/mig_node.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(state_folder, sizeof(state_folder), "%s.state", FAKE_MIG_LIBRARY);
	setenv("SLURMD_NODENAME", NODE, 1);
	ck_assert(fake_create(state_folder, NODE, GPUS));
	given = -2;
	running = 0;
	gpus = "0,1";
	node = (struct gp_mig_node){.authority = &slurmctld,
				    .name = NODE,
				    .lock_ms = 200,
				    .folder = folder,
				    .driver_file = FAKE_MIG_LIBRARY,
				    .patience_ms = 300};
	why[0] = '\0';
}

static void teardown(void)
{
	char command[PATH_MAX + 16];

	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	ck_assert_int_eq(system(command), 0);
}

/* A copy of the machine's state. */
static struct fake_state look(void)
{
	int lock;
	struct fake_state *state = fake_open(state_folder, NODE, &lock), copy;

	ck_assert_ptr_nonnull(state);
	copy = *state;
	fake_close(state, lock);
	return copy;
}

static void change(void (*how)(struct fake_state *, int), int argument)
{
	int lock;
	struct fake_state *state = fake_open(state_folder, NODE, &lock);

	ck_assert_ptr_nonnull(state);
	how(state, argument);
	fake_close(state, lock);
}

static int standing(void)
{
	struct fake_state state = look();
	int count = 0;

	for (int g = 0; g < GPUS; g++)
		for (int s = 0; s < FAKE_INSTANCES; s++)
			count += state.gpu[g].instance[s].used;
	return count;
}

static int records(void)
{
	uint32_t jobs[64];

	return gp_mig_records_list(folder, NODE, jobs, 64);
}

static struct gp_mig_job job_of(uint32_t id, const char *place, const char *profile)
{
	return (struct gp_mig_job){id, 0, place, profile, gpus};
}

static int start(uint32_t id, const char *place, const char *profile)
{
	struct gp_mig_job job = job_of(id, place, profile);

	asked_place = place;
	return gp_mig_node_prolog(&node, &job, why, sizeof(why));
}

static int end(uint32_t id)
{
	struct gp_mig_job job = job_of(id, NULL, NULL);

	return gp_mig_node_epilog(&node, &job, why, sizeof(why));
}

static const char *seen(uint32_t id)
{
	static char visible[1024];

	ck_assert_int_eq(gp_mig_node_task(&node, id, true, visible, sizeof(visible), why,
					  sizeof(why)),
			 0);
	return visible;
}

START_TEST(a_job_comes_and_goes)
{
	char first[1024];

	ck_assert_int_eq(start(1, "n1:0:4:4", "3g.40gb"), 0);
	ck_assert_int_eq(start(2, "n1:0:0:4", "4g.40gb"), 0);
	ck_assert_int_eq(standing(), 2);
	snprintf(first, sizeof(first), "%s", seen(1));
	ck_assert_int_eq(strncmp(first, "MIG-", 4), 0);
	ck_assert_str_ne(first, seen(2));
	ck_assert_int_eq(end(1), 0);
	ck_assert_int_eq(standing(), 1);
	ck_assert_int_eq(end(1), 0); /* twice does no harm */
	ck_assert_int_eq(end(2), 0);
	ck_assert_int_eq(standing(), 0);
	ck_assert_int_eq(records(), 0);
}
END_TEST

START_TEST(several_instances_and_nodes)
{
	struct fake_state state;

	ck_assert_int_eq(start(7, "n0:1:0:2,n1:0:2:2,n1:1:4:2,n10:0:0:2", "2g.20gb"), 0);
	state = look();
	ck_assert_int_eq(state.gpu[0].instance[0].start, 2);
	ck_assert_int_eq(state.gpu[1].instance[0].start, 4);
	ck_assert_int_eq(standing(), 2);
	ck_assert_ptr_nonnull(strchr(seen(7), ','));
	ck_assert_int_eq(end(7), 0);
	ck_assert_int_eq(standing(), 0);
}
END_TEST

/* Profiles of one size that only their compute slices or suffix tell apart. */
START_TEST(the_profile_is_the_wished_one)
{
	static const struct {
		const char *place, *profile;
		int id;
	} rows[] = {
		{"n1:0:0:4", "3g.40gb", 9},  {"n1:0:0:4", "4g.40gb", 5},
		{"n1:0:0:1", "1g.10gb", 19}, {"n1:0:0:1", "1g.10gb+me", 20},
		{"n1:0:0:2", "1g.20gb", 15}, {"n1:0:0:2", "2g.20gb", 14},
		{"n1:1:0:8", "7g.80gb", 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake_state state;
		int gpu = rows[i].place[3] - '0';

		ck_assert_msg(start(1, rows[i].place, rows[i].profile) == 0, "%s: %s",
			      rows[i].profile, why);
		state = look();
		ck_assert_int_eq((int)state.gpu[gpu].instance[0].profile, rows[i].id);
		ck_assert_int_eq(end(1), 0);
	}
}
END_TEST

/* The same run's prolog once more, with another wish for the same slices. */
START_TEST(another_profile_of_the_same_slices)
{
	struct fake_state state;

	ck_assert_int_eq(start(1, "n1:0:0:1", "1g.10gb"), 0);
	ck_assert_int_eq(start(1, "n1:0:0:1", "1g.10gb+me"), 0);
	ck_assert_int_eq(start(2, "n1:1:0:4", "3g.40gb"), 0);
	ck_assert_int_eq(start(2, "n1:1:0:4", "4g.40gb"), 0);
	ck_assert_int_eq(standing(), 2);
	state = look();
	ck_assert_int_eq((int)state.gpu[0].instance[0].profile, 20);
	ck_assert_int_eq((int)state.gpu[1].instance[0].profile, 5);
}
END_TEST

/* What went with the GPU's MIG mode is gone, and no fault of the epilog. */
static void leave_mig_mode(struct fake_state *state, int gpu)
{
	state->gpu[gpu].mig = false;
	memset(state->gpu[gpu].instance, 0, sizeof(state->gpu[gpu].instance));
}

START_TEST(an_epilog_after_mig_mode)
{
	ck_assert_int_eq(start(1, "n1:0:0:4", "3g.40gb"), 0);
	change(leave_mig_mode, 0);
	ck_assert_msg(end(1) == 0, "%s", why);
	ck_assert_int_eq(records(), 0);
}
END_TEST

/* Another prolog that has the GPUs for a moment is waited for. */
START_TEST(a_short_lock_is_waited_for)
{
	char holder[64], byte;
	int ready[2], status;
	pid_t other;

	ck_assert_int_eq(pipe(ready), 0);
	other = fork();
	if (other == 0) {
		int lock = gp_mig_records_lock(folder, NODE, 0, holder, sizeof(holder));

		if (lock < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		usleep(150000);
		gp_mig_records_unlock(lock);
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	node.lock_ms = 60000;
	ck_assert_msg(start(1, "n1:0:0:4", "3g.40gb") == 0, "%s", why);
	ck_assert_int_eq(waitpid(other, &status, 0), other);
	ck_assert_int_eq(status, 0);
	close(ready[0]);
	close(ready[1]);
}
END_TEST

START_TEST(no_wish_nothing_done)
{
	char visible[64] = "x";

	ck_assert_int_eq(start(1, NULL, NULL), 0);
	ck_assert_int_eq(start(1, NULL, "3g.40gb"), GP_MIG_REFUSED);
	ck_assert_int_eq(end(1), 0);
	ck_assert_int_eq(start(1, "n2:0:0:4", "3g.40gb"), GP_MIG_REFUSED);
	ck_assert_ptr_nonnull(strstr(why, "has not decided"));
	ck_assert_int_eq(end(1), 0);
	ck_assert_int_eq(
		gp_mig_node_task(&node, 1, false, visible, sizeof(visible), why, 256), 0);
	ck_assert_str_eq(visible, "");
	ck_assert_int_eq(
		gp_mig_node_task(&node, 1, true, visible, sizeof(visible), why, 256), -1);
	ck_assert_ptr_nonnull(strstr(why, "not made"));
}
END_TEST

START_TEST(bad_texts_are_refused)
{
	static const char *const places[] = {
		"",
		"n1",
		"n1:0",
		"n1:0:0",
		"n1:0:0:0",
		"n1:-1:0:4",
		":0:0:4",
		"n1:0:0:4x",
		"n1:0:0:4,",
		"n1:0:0:4,,",
		"n1:0:0:4 ,n1",
		"n1:0:0:99999",
		"n1:0:0:4;n1:0:4:4",
		"n1:0:0:4,n1:0:0:4",
		"n1:0:0:4,n1:0:2:2",
		"n1:0:+0:4",
		"n1: 0:0:4",
		"n1:0:0:004",
	};
	static const char *const profiles[] = {NULL,	  "",
					       "g",	  "3.40gb",
					       "0g.10gb", "-1g",
					       "3x.40gb", "1g.10gb+much-too-long"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		ck_assert_msg(start(1, places[i], "3g.40gb") == GP_MIG_REFUSED,
			      "'%s' was taken", places[i]);
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		ck_assert_int_eq(start(1, "n1:0:0:4", profiles[i]), GP_MIG_REFUSED);
	ck_assert_int_eq(standing(), 0);
	ck_assert_int_eq(end(1), 0);
	ck_assert_int_eq(records(), 0);
}
END_TEST

static void fail_calls(struct fake_state *state, int call)
{
	state->fail[call] = 1;
}

START_TEST(a_failure_leaves_nothing)
{
	ck_assert_int_eq(start(1, "n1:0:0:4", "3g.40gb"), 0);
	change(fail_calls, FAKE_GI_CREATE);
	ck_assert_int_eq(start(2, "n1:1:0:4", "3g.40gb"), -1);
	ck_assert_ptr_nonnull(strstr(why, "GPU 1"));
	change(fail_calls, FAKE_CI_CREATE);
	ck_assert_int_eq(start(2, "n1:1:0:4", "3g.40gb"), -1);
	/* The second of two is in the way of job 1: the first is taken back. */
	ck_assert_int_eq(start(1, "n1:0:0:4", "3g.40gb"), 0);
	change(fail_calls, FAKE_GI_CREATE);
	ck_assert_int_eq(start(3, "n1:1:0:4,n1:1:4:4", "3g.40gb"), -1);
	ck_assert_int_eq(standing(), 1);
	ck_assert_int_eq(records(), 1);
	ck_assert_int_eq(start(4, "n1:5:0:4", "3g.40gb"), GP_MIG_REFUSED);
	ck_assert_ptr_nonnull(strstr(why, "GPU 5 is not the job's"));
	ck_assert_int_eq(start(4, "n1:1:1:4", "3g.40gb"), GP_MIG_REFUSED);
	ck_assert_ptr_nonnull(strstr(why, "no such profile"));
	ck_assert_int_eq(end(4), 0);
	ck_assert_int_eq(records(), 1);
}
END_TEST

static void fail_second(struct fake_state *state, int unused)
{
	(void)unused;
	state->gpu[1].mig = false;
}

START_TEST(the_second_of_two_fails)
{
	change(fail_second, 0);
	ck_assert_int_eq(start(3, "n1:0:0:4,n1:1:4:4", "3g.40gb"), -1);
	ck_assert_ptr_nonnull(strstr(why, "MIG mode"));
	ck_assert_int_eq(standing(), 0);
	ck_assert_int_eq(records(), 0);
}
END_TEST

static void add_foreign(struct fake_state *state, int start_at)
{
	state->gpu[0].instance[5] = (struct fake_instance){.used = true,
							   .filled = true,
							   .foreign = true,
							   .id = 5,
							   .profile = 9,
							   .serial = 999,
							   .start = start_at,
							   .size = 4};
}

START_TEST(others_are_left_alone)
{
	change(add_foreign, 4);
	ck_assert_int_eq(start(1, "n1:0:4:4", "3g.40gb"), -1);
	ck_assert_ptr_nonnull(strstr(why, "in the way"));
	ck_assert_int_eq(start(1, "n1:0:4:2", "2g.20gb"), -1);
	ck_assert_int_eq(start(1, "n1:0:0:4", "3g.40gb"), 0);
	ck_assert_int_eq(end(1), 0);
	ck_assert(look().gpu[0].instance[5].used);
	ck_assert_int_eq(standing(), 1);
}
END_TEST

/* What a user wrote is held against what Slurm gave the job. */
START_TEST(what_was_not_given_is_refused)
{
	char visible[64];

	ck_assert_int_eq(start(1, "n1:0:0:4", "3g.40gb"), 0);
	running = 1;
	/* no slices at all, fewer than asked for, more, and nobody who says it */
	for (given = -1; given <= 5; given++) {
		if (given == 4)
			continue;
		ck_assert_int_eq(start(2, "n1:1:0:4", "3g.40gb"), GP_MIG_REFUSED);
		ck_assert_int_eq(standing(), 1);
	}
	given = -2;
	/* another GPU than the job's, or a job without GPUs */
	gpus = "0";
	ck_assert_int_eq(start(2, "n1:1:0:4", "3g.40gb"), GP_MIG_REFUSED);
	gpus = NULL;
	ck_assert_int_eq(start(2, "n1:0:4:4", "3g.40gb"), GP_MIG_REFUSED);
	for (const char *const *bad = (const char *const[]){"", "x", "0x", "-1", "0;1",
							    "99999999999999999999", NULL};
	     *bad; bad++) {
		gpus = *bad;
		ck_assert_int_eq(start(2, "n1:1:4:4", "3g.40gb"), GP_MIG_REFUSED);
	}
	ck_assert_int_eq(standing(), 1);
	/* its tasks fail, though they say that they wish for nothing */
	ck_assert_int_eq(gp_mig_node_task(&node, 2, false, visible, sizeof(visible), why,
					  sizeof(why)),
			 -1);
	ck_assert_ptr_nonnull(strstr(why, "not the job's"));
	ck_assert_int_eq(end(2), 0);
	ck_assert_int_eq(records(), 1);
}
END_TEST

START_TEST(a_job_that_runs_keeps_its_instance)
{
	static const char *const places[] = {"n1:0:0:4", "n1:0:0:8", "n1:0:0:2",
					     "n1:0:2:2"};
	static const char *const profiles[] = {"3g.40gb", "7g.80gb", "2g.20gb",
					       "2g.20gb"};

	ck_assert_int_eq(start(1, "n1:0:0:4", "3g.40gb"), 0);
	running = 1;
	for (int i = 0; i < 8; i++) {
		node.keep_strays = i % 2;
		ck_assert_int_eq(start(2, places[i / 2], profiles[i / 2]),
				 GP_MIG_REFUSED);
		ck_assert_ptr_nonnull(strstr(why, "job 1 has them"));
		ck_assert_int_eq(standing(), 1);
	}
	node.keep_strays = false;
	/* its own prolog again changes nothing */
	ck_assert_int_eq(start(1, "n1:0:0:4", "3g.40gb"), 0);
	ck_assert_uint_eq(look().made, 1);
	running = 0;
	ck_assert_int_eq(start(2, "n1:0:0:8", "7g.80gb"), 0);
	ck_assert_uint_eq(look().removed, 1);
	ck_assert_int_eq(standing(), 1);
}
END_TEST

/* The driver of another job's prolog hangs. */
START_TEST(a_lock_that_is_held)
{
	char holder[64];
	int lock = gp_mig_records_lock(folder, NODE, 0, holder, sizeof(holder));

	ck_assert_int_ge(lock, 0);
	gp_mig_records_sign(lock, "prolog of job 77");
	ck_assert_int_eq(start(1, "n1:0:0:4", "3g.40gb"), GP_MIG_FAULT);
	ck_assert_ptr_nonnull(strstr(why, "prolog of job 77, process "));
	gp_mig_records_unlock(lock);
	ck_assert_int_eq(start(1, "n1:0:0:4", "3g.40gb"), 0);
	lock = gp_mig_records_lock(folder, NODE, 0, holder, sizeof(holder));
	gp_mig_records_sign(lock, "prolog of job 78");
	ck_assert_int_eq(gp_mig_node_reconcile(&node, why, sizeof(why)), -1);
	ck_assert_ptr_nonnull(strstr(why, "job 78"));
	ck_assert_int_eq(end(1), -1);
	gp_mig_records_unlock(lock);
	ck_assert_int_eq(end(1), 0);
}
END_TEST

static mode_t mode_of(const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", folder, name);
	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_mode & 07777;
}

START_TEST(root_alone_reads_records)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" NODE, folder);
	ck_assert_int_eq(mkdir(path, 0755), 0); /* by an earlier version */
	ck_assert_int_eq(chmod(folder, 0755), 0);
	ck_assert_int_eq(start(1, "n1:0:0:4", "3g.40gb"), 0);
	ck_assert_uint_eq(mode_of(""), 0700);
	ck_assert_uint_eq(mode_of("/" NODE), 0700);
	ck_assert_uint_eq(mode_of("/" NODE "/1"), 0600);
	ck_assert_uint_eq(mode_of("/" NODE "/lock"), 0600);
}
END_TEST

/* As a full tmpfs: the file ends in its first line. */
START_TEST(a_full_file_system_keeps_the_old_record)
{
	const struct rlimit small = {16, RLIM_INFINITY},
			    none = {RLIM_INFINITY, RLIM_INFINITY};
	struct gp_mig_record record;
	char path[PATH_MAX];

	ck_assert_int_eq(start(1, "n1:0:0:4", "3g.40gb"), 0);
	ck_assert_int_eq(gp_mig_record_read(folder, NODE, 1, &record), 1);
	record.restart = 5;
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	ck_assert_int_eq(gp_mig_record_write(folder, NODE, &record), -1);
	ck_assert_int_eq(errno, EFBIG);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	snprintf(path, sizeof(path), "%s/" NODE "/1.new", folder);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_int_eq(gp_mig_record_read(folder, NODE, 1, &record), 1);
	ck_assert_int_eq(record.restart, 0);
	signal(SIGXFSZ, SIG_DFL);
	ck_assert_int_eq(end(1), 0);
}
END_TEST

START_TEST(shards_as_slurm_says_them)
{
	static const struct {
		const char *text;
		int shards;
	} rows[] = {
		{"shard:3(IDX:0)", 3},
		{"shard:8(0/8,8/8)", 8},
		{"gpu:a100:2(IDX:0-1),shard:2(IDX:1)", 2},
		{"shard:a100:4(0/8,4/8),gpu:1(IDX:0)", 4},
		{"shard(CNT:5)", 5},
		{"shard:1(IDX:0),shard:2(IDX:0)", 3},
		{"gpu:4(IDX:0-3)", 0},
		{"shards:4(IDX:0)", 0},
		{"shard", 0},
		{"shard:(IDX:0)", 0},
		{"shard:x(IDX:0)", 0},
		{"shard:2(IDX:0", 2},
		{"", 0},
		{NULL, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(gp_mig_shards_read(rows[i].text) == rows[i].shards,
			      "%s: %d", rows[i].text, gp_mig_shards_read(rows[i].text));
}
END_TEST

/* A node died and came back: the next job's prolog runs before the old one's epilog. */
START_TEST(a_late_epilog_takes_nothing)
{
	ck_assert_int_eq(start(1, "n1:0:0:4,n1:1:0:4", "3g.40gb"), 0);
	ck_assert_int_eq(start(2, "n1:0:0:2", "2g.20gb"), 0);
	ck_assert_int_eq(standing(), 2); /* job 1's on GPU 1 was not in the way */
	ck_assert_int_eq(end(1), 0);
	ck_assert_int_eq(standing(), 1);
	ck_assert_int_eq(strncmp(seen(2), "MIG-", 4), 0);
	ck_assert_int_eq(end(2), 0);
	ck_assert_int_eq(standing(), 0);
}
END_TEST

START_TEST(strays_can_be_kept)
{
	ck_assert_int_eq(start(1, "n1:0:0:4", "3g.40gb"), 0);
	node.keep_strays = true;
	ck_assert_int_eq(start(2, "n1:0:0:2", "2g.20gb"), -1);
	ck_assert_ptr_nonnull(strstr(why, "job 1"));
	ck_assert_int_eq(start(2, "n1:0:4:4", "3g.40gb"), 0);
	ck_assert_int_eq(standing(), 2);
}
END_TEST

/* A requeued job that is back before the epilog of its first run. */
START_TEST(another_run_of_the_job)
{
	struct gp_mig_job again = {1, 1, "n1:0:4:4", "3g.40gb", "0"},
			  before = {1, 0, NULL, NULL, NULL};

	ck_assert_int_eq(start(1, "n1:0:0:4", "3g.40gb"), 0);
	ck_assert_int_eq(gp_mig_node_prolog(&node, &again, why, sizeof(why)), 0);
	ck_assert_int_eq(standing(), 1);
	ck_assert_int_eq(gp_mig_node_epilog(&node, &before, why, sizeof(why)), 0);
	ck_assert_int_eq(standing(), 1);
	again.place = NULL;
	ck_assert_int_eq(gp_mig_node_epilog(&node, &again, why, sizeof(why)), 0);
	ck_assert_int_eq(standing(), 0);
}
END_TEST

static void occupy(struct fake_state *state, int pid)
{
	state->gpu[0].instance[0].process[0].pid = pid;
}

START_TEST(a_process_that_stays)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	ck_assert_int_eq(start(1, "n1:0:0:4", "3g.40gb"), 0);
	change(occupy, (int)pid);
	ck_assert_int_eq(end(1), -1);
	ck_assert_ptr_nonnull(strstr(why, "process"));
	ck_assert_int_eq(records(), 1);
	ck_assert_int_eq(start(2, "n1:0:0:4", "3g.40gb"), -1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(start(2, "n1:0:0:4", "3g.40gb"), 0);
	ck_assert_int_eq(end(2), 0);
	ck_assert_int_eq(standing(), 0);
	ck_assert_int_eq(records(), 0);
}
END_TEST

static void boot(struct fake_state *state, int unused)
{
	(void)unused;
	memset(state->gpu, 0, sizeof(state->gpu));
	for (int g = 0; g < GPUS; g++)
		state->gpu[g].mig = true;
}

START_TEST(after_a_reboot)
{
	ck_assert_int_eq(start(1, "n1:0:0:4", "3g.40gb"), 0);
	ck_assert_int_eq(start(2, "n1:0:4:4", "3g.40gb"), 0);
	change(boot, 0);
	ck_assert_int_eq(gp_mig_node_reconcile(&node, why, sizeof(why)), 0);
	ck_assert_int_eq(records(), 0);
	/* Somebody else's, with a number that was ours. */
	change(add_foreign, 0);
	ck_assert_int_eq(end(1), 0);
	ck_assert_int_eq(standing(), 1);
}
END_TEST

/* A prolog was killed after it made the instance and before it wrote its number. */
START_TEST(a_killed_prolog)
{
	struct gp_mig_record record;

	ck_assert_int_eq(start(1, "n1:0:0:4", "3g.40gb"), 0);
	ck_assert_int_eq(gp_mig_record_read(folder, NODE, 1, &record), 1);
	record.instance[0].gi = record.instance[0].ci = GP_MIG_UNKNOWN;
	record.instance[0].uuid[0] = '\0';
	ck_assert_int_eq(gp_mig_record_write(folder, NODE, &record), 0);
	ck_assert_int_eq(gp_mig_node_reconcile(&node, why, sizeof(why)), 0);
	ck_assert_int_eq(gp_mig_record_read(folder, NODE, 1, &record), 1);
	ck_assert_int_eq(record.instance[0].gi, 0);
	record.instance[0].gi = GP_MIG_UNKNOWN;
	ck_assert_int_eq(gp_mig_record_write(folder, NODE, &record), 0);
	ck_assert_int_eq(end(1), 0);
	ck_assert_int_eq(standing(), 0);
}
END_TEST

START_TEST(no_driver_no_record)
{
	char path[PATH_MAX];
	FILE *out;

	node.driver_file = "libno-such-driver.so";
	ck_assert_int_eq(start(1, "n1:0:0:4", "3g.40gb"), -1);
	ck_assert_str_eq(why, "the NVIDIA driver does not answer");
	ck_assert_int_eq(records(), 0);
	/* A spoilt record is an error, not a crash, and stays for the admin to see. */
	snprintf(path, sizeof(path), "%s/%s/5", folder, NODE);
	out = fopen(path, "w");
	ck_assert_ptr_nonnull(out);
	fputs("gputopo-mig 1\nrestart 0 instances 70000\n", out);
	fclose(out);
	ck_assert_int_eq(end(5), -1);
	node.driver_file = FAKE_MIG_LIBRARY;
	ck_assert_int_eq(start(6, "n1:0:0:4", "3g.40gb"), -1);
	ck_assert_int_eq(standing(), 0);
}
END_TEST

/* Jobs come and go at random on slices that do not meet; calls fail now and then; late
 * epilogs. At the end nothing is left, and the driver was never asked for a taken place.
 */
START_TEST(many_jobs)
{
	struct rng r = rng_start("mig node");
	uint32_t holder[GPUS * 2] = {0}, late = 0;

	for (uint32_t id = 1; id <= (uint32_t)unit_cases(1500); id++) {
		int half = (int)rng_next(&r, GPUS * 2);
		char place[64];

		if (holder[half] && rng_next(&r, 8))
			ck_assert_msg(end(holder[half]) == 0, "%s", why);
		else if (holder[half])
			late = holder[half];
		holder[half] = 0;
		if (!rng_next(&r, 6))
			change(fail_calls, (int)rng_next(&r, 2));
		snprintf(place, sizeof(place), "n1:%d:%d:4", half / 2, half % 2 * 4);
		if (start(id, place, "3g.40gb") == 0)
			holder[half] = id;
		if (late && rng_next(&r, 2)) {
			ck_assert_int_eq(end(late), 0);
			late = 0;
		}
	}
	for (int half = 0; half < GPUS * 2; half++)
		ck_assert_int_eq(holder[half] ? end(holder[half]) : 0, 0);
	ck_assert_int_eq(late ? end(late) : 0, 0);
	ck_assert_int_eq(standing(), 0);
	ck_assert_int_eq(records(), 0);
	ck_assert_uint_eq(look().overlaps, 0);
	ck_assert_uint_eq(look().made, look().removed);
}
END_TEST

SUITE(mig_node)
{
	static const struct unit_test tests[] = {
		UNIT(a_job_comes_and_goes),
		UNIT(several_instances_and_nodes),
		UNIT(the_profile_is_the_wished_one),
		UNIT(another_profile_of_the_same_slices),
		UNIT(an_epilog_after_mig_mode),
		UNIT(a_short_lock_is_waited_for),
		UNIT(no_wish_nothing_done),
		UNIT(bad_texts_are_refused),
		UNIT(a_failure_leaves_nothing),
		UNIT(the_second_of_two_fails),
		UNIT(others_are_left_alone),
		UNIT(what_was_not_given_is_refused),
		UNIT(a_job_that_runs_keeps_its_instance),
		UNIT(a_lock_that_is_held),
		UNIT(root_alone_reads_records),
		UNIT(a_full_file_system_keeps_the_old_record),
		UNIT(shards_as_slurm_says_them),
		UNIT(a_late_epilog_takes_nothing),
		UNIT(strays_can_be_kept),
		UNIT(another_run_of_the_job),
		UNIT(a_process_that_stays),
		UNIT(after_a_reboot),
		UNIT(a_killed_prolog),
		UNIT(no_driver_no_record),
		UNIT(many_jobs),
		{0},
	};

	unit_add(suite, tests, setup, teardown);
}
