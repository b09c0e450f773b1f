/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_node.c - make a job's GPU instances before it starts and remove them after it.
 * Called by spank_mig.c in slurmd's prolog and epilog.
 */
#include "config.h"

#include "plugin/node/mig/mig_node.h"
#include "plugin/common/mig_text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RETRY_MS 100

static int fail(char *why, size_t size, const char *text)
{
	snprintf(why, size, "%s", text);
	return -1;
}

static bool refuse(char *why, size_t size, const char *text)
{
	snprintf(why, size, "%s", text);
	return false;
}

static int fail_at(char *why, size_t size, const struct gp_mig_slice *s,
		   enum gp_mig_result result)
{
	snprintf(why, size, "GPU %d, memory slices %d-%d: %s", s->gpu, s->start,
		 s->start + s->size - 1, gp_mig_result_text(result));
	return -1;
}

/* Whoever holds the lock holds it while it waits for the driver. */
static int fail_lock(char *why, size_t size, const struct gp_mig_node *node,
		     const char *holder)
{
	if (errno == ETIMEDOUT)
		snprintf(why, size,
			 "the GPUs are held for more than %d s by %s: does the driver "
			 "answer?",
			 node->lock_ms / 1000, *holder ? holder : "others");
	else
		snprintf(why, size, "%s/%s/lock: %s", node->folder, node->name,
			 strerror(errno));
	return -1;
}

static int fail_record(char *why, size_t size, const struct gp_mig_node *node)
{
	snprintf(why, size, "%s/%s: %s", node->folder, node->name, strerror(errno));
	return -1;
}

static bool overlaps(const struct gp_mig_slice *a, const struct gp_mig_slice *b)
{
	return a->gpu == b->gpu && a->start < b->start + b->size &&
	       b->start < a->start + a->size;
}

/* Whether one of the wanted is in the way. */
static bool in_the_way(const struct gp_mig_slice *slice,
		       const struct gp_mig_record *wanted)
{
	for (int i = 0; i < wanted->count; i++)
		if (overlaps(slice, &wanted->instance[i].slice))
			return true;
	return false;
}

/* ---- what the job is to have ---- */

bool gp_mig_job_slices(const struct gp_mig_job *job, const char *node,
		       struct gp_mig_record *record, char *why, size_t size)
{
	struct gp_mig_wish wish;

	memset(record, 0, sizeof(*record));
	record->job = job->id;
	record->restart = job->restart;
	if (!job->place)
		return true;
	if (!gp_mig_wish_read(job->wish, &wish))
		return refuse(why, size, "the job's MIG profile cannot be read");
	for (const char *at = job->place; at;) {
		struct gp_mig_entry entry;

		if (!gp_mig_entry_next(&at, &entry))
			return refuse(why, size,
				      "the job's MIG placement cannot be read");
		if (!gp_mig_entry_is_on(&entry, node))
			continue;
		if (record->count == GP_MIG_RECORD_MAX)
			return refuse(why, size, "too many MIG instances on one node");
		if (in_the_way(&entry.slice, record))
			return refuse(why, size,
				      "the job's MIG placement names slices twice");
		entry.slice.compute = wish.compute;
		memcpy(entry.slice.suffix, wish.suffix, sizeof(wish.suffix));
		record->instance[record->count++] = (struct gp_mig_instance){
			entry.slice, GP_MIG_UNKNOWN, GP_MIG_UNKNOWN, ""};
	}
	return true;
}

/* ---- removing ---- */

static void pause_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* Remove one, waiting for its processes; one that is gone is removed. */
static enum gp_mig_result remove_one(struct gp_mig_driver *driver,
				     struct gp_mig_instance *instance, int patience_ms)
{
	enum gp_mig_result result = GP_MIG_OK;

	/* A prolog that died may have made it without writing its number down. */
	if (instance->gi < 0)
		result = gp_mig_driver_find(driver, &instance->slice, instance);
	for (int waited = 0; !result; waited += RETRY_MS) {
		result = gp_mig_driver_remove(driver, instance);
		if (result != GP_MIG_IN_USE || waited >= patience_ms)
			break;
		pause_ms(RETRY_MS);
		result = GP_MIG_OK;
	}
	return result == GP_MIG_GONE ? GP_MIG_OK : result;
}

/* Remove what the record names, or only what is in the way of `wanted`, and then from the
 * record; the first failure counts. */
static int remove_all(const struct gp_mig_node *node, struct gp_mig_driver *driver,
		      struct gp_mig_record *record, const struct gp_mig_record *wanted,
		      char *why, size_t size)
{
	int kept = 0, failed = 0;

	for (int i = 0; i < record->count; i++) {
		struct gp_mig_instance *instance = &record->instance[i];
		enum gp_mig_result result = GP_MIG_OK;

		if (!wanted || in_the_way(&instance->slice, wanted)) {
			result = remove_one(driver, instance, node->patience_ms);
			if (!result)
				continue;
			if (!failed)
				failed = fail_at(why, size, &instance->slice, result);
		}
		record->instance[kept++] = *instance;
	}
	record->count = kept;
	if (gp_mig_record_write(node->folder, node->name, record) != 0 && !failed)
		failed = fail_record(why, size, node);
	return failed;
}

/* ---- strays ---- */

/* Slurm gave these slices to a new job, so whoever had them should be gone. */
static enum gp_mig_end clear_record(const struct gp_mig_node *node,
				    struct gp_mig_driver *driver,
				    struct gp_mig_record *old,
				    const struct gp_mig_record *wanted, char *why,
				    size_t size)
{
	int i = 0;

	while (i < old->count && !in_the_way(&old->instance[i].slice, wanted))
		i++;
	if (i == old->count)
		return GP_MIG_DONE;
	if (node->authority->is_running(old->job, old->restart, node->name)) {
		snprintf(why, size,
			 "GPU %d, memory slices %d-%d: job %lu has them, and still runs",
			 old->instance[i].slice.gpu, old->instance[i].slice.start,
			 old->instance[i].slice.start + old->instance[i].slice.size - 1,
			 (unsigned long)old->job);
		return GP_MIG_REFUSED;
	}
	if (!node->keep_strays)
		return remove_all(node, driver, old, wanted, why, size);
	snprintf(why, size,
		 "an instance of job %lu was left over on GPU %d (MigStray=drain)",
		 (unsigned long)old->job, old->instance[i].slice.gpu);
	return -1;
}

static enum gp_mig_end clear_strays(const struct gp_mig_node *node,
				    struct gp_mig_driver *driver,
				    const struct gp_mig_record *wanted, char *why,
				    size_t size)
{
	uint32_t jobs[GP_MIG_RECORD_JOBS];
	int count =
		gp_mig_records_list(node->folder, node->name, jobs, GP_MIG_RECORD_JOBS);

	if (count < 0)
		return fail_record(why, size, node);
	for (int i = 0; i < count; i++) {
		struct gp_mig_record old;
		enum gp_mig_end end;

		if (gp_mig_record_read(node->folder, node->name, jobs[i], &old) < 0)
			return fail_record(why, size, node);
		/* An earlier run of the same job left all of it over. */
		end = jobs[i] == wanted->job
			      ? remove_all(node, driver, &old, NULL, why, size)
			      : clear_record(node, driver, &old, wanted, why, size);
		if (end)
			return end;
	}
	return GP_MIG_DONE;
}

/* ---- the job's life ---- */

static enum gp_mig_end make_all(const struct gp_mig_node *node,
				struct gp_mig_driver *driver,
				struct gp_mig_record *record, char *why, size_t size)
{
	char ignored[128];

	/* What stands there now is not ours, and must not be taken for it later. */
	for (int i = 0; i < record->count; i++) {
		struct gp_mig_instance other;

		if (gp_mig_driver_find(driver, &record->instance[i].slice, &other) ==
		    GP_MIG_OK)
			return fail_at(why, size, &record->instance[i].slice,
				       GP_MIG_OCCUPIED);
	}
	/* Written first: whatever happens now, it is known to be ours. */
	if (gp_mig_record_write(node->folder, node->name, record) != 0)
		return fail_record(why, size, node);
	for (int i = 0; i < record->count; i++) {
		struct gp_mig_slice slice = record->instance[i].slice;
		enum gp_mig_result result =
			gp_mig_driver_make(driver, &slice, &record->instance[i]);

		if (!result)
			continue;
		fail_at(why, size, &slice, result);
		record->count = i; /* what was not made must not be looked for */
		remove_all(node, driver, record, NULL, ignored, sizeof(ignored));
		return result == GP_MIG_NO_PROFILE ? GP_MIG_REFUSED : GP_MIG_FAULT;
	}
	if (gp_mig_record_write(node->folder, node->name, record) == 0)
		return GP_MIG_DONE;
	fail_record(why, size, node);
	remove_all(node, driver, record, NULL, ignored, sizeof(ignored));
	return GP_MIG_FAULT;
}

/* Whether this run's prolog is called once more, and all that it made is there. */
static bool is_made(const struct gp_mig_node *node, struct gp_mig_driver *driver,
		    const struct gp_mig_record *wanted)
{
	struct gp_mig_record old;

	if (gp_mig_record_read(node->folder, node->name, wanted->job, &old) != 1 ||
	    old.restart != wanted->restart || old.count != wanted->count)
		return false;
	for (int i = 0; i < old.count; i++) {
		const struct gp_mig_slice *s = &old.instance[i].slice;
		const struct gp_mig_slice *w = &wanted->instance[i].slice;

		if (s->gpu != w->gpu || s->start != w->start || s->size != w->size ||
		    s->compute != w->compute || strcmp(s->suffix, w->suffix) != 0 ||
		    !old.instance[i].uuid[0] ||
		    gp_mig_driver_check(driver, &old.instance[i]) != GP_MIG_OK)
			return false;
	}
	return true;
}

/* ---- what the job was given ---- */

/* Whether this GPU of the driver is among the minor numbers. */
static bool has_gpu(const struct gp_mig_driver *driver, const char *minors, int gpu)
{
	for (const char *at = minors; at && *at;) {
		char *end;
		long minor = strtol(at, &end, 10);

		if (end == at || minor < 0 || minor > INT_MAX || (*end && *end != ','))
			return false;
		if (gp_mig_driver_rank(driver, (int)minor) == gpu)
			return true;
		at = *end ? end + 1 : end;
	}
	return false;
}

/* As many slices as it has shards here, all of them on its GPUs. */
static enum gp_mig_end check_grant(struct gp_mig_driver *driver,
				   const struct gp_mig_job *job, int given,
				   const struct gp_mig_record *wanted, char *why,
				   size_t size)
{
	int slices = 0;

	for (int i = 0; i < wanted->count; i++) {
		slices += wanted->instance[i].slice.size;
		if (has_gpu(driver, job->gpus, wanted->instance[i].slice.gpu))
			continue;
		snprintf(why, size, "GPU %d is not the job's",
			 wanted->instance[i].slice.gpu);
		return GP_MIG_REFUSED;
	}
	if (given == slices)
		return GP_MIG_DONE;
	if (given < 0)
		snprintf(why, size, "slurmctld does not say what the job has");
	else
		snprintf(why, size, "%d memory slices are asked for, the job has %d",
			 slices, given);
	return GP_MIG_REFUSED;
}

/* ---- the prolog ---- */

/* The tasks are told; where that cannot be written they find no instance. */
static enum gp_mig_end note_refusal(const struct gp_mig_node *node,
				    const struct gp_mig_job *job, const char *why)
{
	struct gp_mig_record record = {.job = job->id, .restart = job->restart};

	snprintf(record.refused, sizeof(record.refused), "%s", why);
	(void)gp_mig_record_write(node->folder, node->name, &record);
	return GP_MIG_REFUSED;
}

static enum gp_mig_end refuse_undecided(char *why, size_t size)
{
	snprintf(
		why, size,
		"slurmctld has not decided where the job's MIG instance is to be: has it "
		"gputopo's select plugin?");
	return GP_MIG_REFUSED;
}

static int lock_for(const struct gp_mig_node *node, const char *what, uint32_t job,
		    char *why, size_t size)
{
	char holder[64], sign[48];
	int lock = gp_mig_records_lock(node->folder, node->name, node->lock_ms, holder,
				       sizeof(holder));

	if (lock < 0)
		return fail_lock(why, size, node, holder);
	if (job)
		snprintf(sign, sizeof(sign), "%s %lu", what, (unsigned long)job);
	else
		snprintf(sign, sizeof(sign), "%s", what);
	gp_mig_records_sign(lock, sign);
	return lock;
}

/* With the lock and the driver. */
static enum gp_mig_end start(const struct gp_mig_node *node, struct gp_mig_driver *driver,
			     const struct gp_mig_job *job, int given,
			     struct gp_mig_record *record, char *why, size_t size)
{
	enum gp_mig_end end = check_grant(driver, job, given, record, why, size);

	if (end || is_made(node, driver, record))
		return end;
	end = clear_strays(node, driver, record, why, size);
	return end ? end : make_all(node, driver, record, why, size);
}

enum gp_mig_end gp_mig_node_prolog(const struct gp_mig_node *node,
				   const struct gp_mig_job *job, char *why, size_t size)
{
	struct gp_mig_record record;
	struct gp_mig_driver *driver;
	enum gp_mig_result result;
	enum gp_mig_end end;
	int given = 0, lock;

	end = gp_mig_job_slices(job, node->name, &record, why, size) ? GP_MIG_DONE
								     : GP_MIG_REFUSED;
	if (!end && !record.count && !job->wish)
		return GP_MIG_DONE;
	if (!end && !record.count)
		end = refuse_undecided(why, size);
	/* asked without the lock: slurmctld may be away for a while */
	if (!end)
		given = node->authority->slices_of(job->id, node->name);
	lock = lock_for(node, "prolog of job", job->id, why, size);
	if (lock < 0)
		return end ? end : GP_MIG_FAULT;
	if (!end) {
		result = gp_mig_driver_open(&driver, node->driver_file);
		end = result ? (enum gp_mig_end)fail(why, size,
						     gp_mig_result_text(result))
			     : start(node, driver, job, given, &record, why, size);
		gp_mig_driver_close(driver);
	}
	if (end == GP_MIG_REFUSED)
		note_refusal(node, job, why);
	gp_mig_records_unlock(lock);
	return end;
}

int gp_mig_node_task(const struct gp_mig_node *node, uint32_t job, bool wished,
		     char *visible, size_t visible_size, char *why, size_t size)
{
	struct gp_mig_record record;
	size_t used = 0;

	visible[0] = '\0';
	if (gp_mig_record_read(node->folder, node->name, job, &record) < 0)
		return wished ? fail_record(why, size, node) : 0;
	if (record.refused[0])
		return fail(why, size, record.refused);
	if (!record.count)
		return wished ? fail(why, size,
				     "the job's MIG instance was not made on this node")
			      : 0;
	for (int i = 0; i < record.count; i++) {
		int n = snprintf(visible + used, visible_size - used, "%s%s",
				 i ? "," : "", record.instance[i].uuid);

		if (!record.instance[i].uuid[0] || n < 0 ||
		    (size_t)n >= visible_size - used) {
			visible[0] = '\0';
			return fail(why, size, "the job's MIG instance is not complete");
		}
		used += (size_t)n;
	}
	return 0;
}

int gp_mig_node_epilog(const struct gp_mig_node *node, const struct gp_mig_job *job,
		       char *why, size_t size)
{
	struct gp_mig_record record;
	struct gp_mig_driver *driver;
	enum gp_mig_result result;
	int found, failed = 0, lock;

	if (gp_mig_record_read(node->folder, node->name, job->id, &record) == 0)
		return 0; /* most jobs: no lock, no driver */
	lock = lock_for(node, "epilog of job", job->id, why, size);
	if (lock < 0)
		return -1;
	found = gp_mig_record_read(node->folder, node->name, job->id, &record);
	if (found < 0)
		failed = fail_record(why, size, node);
	if (found > 0 && !record.count) {
		if (gp_mig_record_remove(node->folder, node->name, job->id) != 0)
			failed = fail_record(why, size, node);
	} else if (found > 0 && record.restart <= job->restart) {
		result = gp_mig_driver_open(&driver, node->driver_file);
		failed = result ? fail(why, size, gp_mig_result_text(result))
				: remove_all(node, driver, &record, NULL, why, size);
		gp_mig_driver_close(driver);
	}
	gp_mig_records_unlock(lock);
	return failed;
}

/* ---- after a restart ---- */

static int reconcile_record(const struct gp_mig_node *node, struct gp_mig_driver *driver,
			    uint32_t job, char *why, size_t size)
{
	struct gp_mig_record record;
	int kept = 0;

	if (gp_mig_record_read(node->folder, node->name, job, &record) < 0)
		return fail_record(why, size, node);
	for (int i = 0; i < record.count; i++) {
		struct gp_mig_instance *instance = &record.instance[i];
		enum gp_mig_result result =
			instance->gi < 0
				? gp_mig_driver_find(driver, &instance->slice, instance)
				: gp_mig_driver_check(driver, instance);

		if (result != GP_MIG_GONE)
			record.instance[kept++] = *instance;
	}
	record.count = kept;
	return gp_mig_record_write(node->folder, node->name, &record) == 0
		       ? 0
		       : fail_record(why, size, node);
}

int gp_mig_node_reconcile(const struct gp_mig_node *node, char *why, size_t size)
{
	uint32_t jobs[GP_MIG_RECORD_JOBS];
	struct gp_mig_driver *driver;
	enum gp_mig_result result;
	int count =
		gp_mig_records_list(node->folder, node->name, jobs, GP_MIG_RECORD_JOBS);
	int failed = 0, lock;

	if (count <= 0)
		return 0; /* nothing of ours, or no folder yet */
	lock = lock_for(node, "start of slurmd", 0, why, size);
	if (lock < 0)
		return -1;
	result = gp_mig_driver_open(&driver, node->driver_file);
	if (result)
		failed = fail(why, size, gp_mig_result_text(result));
	for (int i = 0; i < count && !failed; i++)
		failed = reconcile_record(node, driver, jobs[i], why, size);
	gp_mig_driver_close(driver);
	gp_mig_records_unlock(lock);
	return failed;
}
