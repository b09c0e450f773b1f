/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_record.c - the records of our GPU instances, one file a job. Called by mig_node.c.
 */
#include "config.h"

#include "plugin/node/mig/mig_record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HEADER	      "gputopo-mig 1"
#define NO_SUFFIX     "." /* scanf reads no empty word */
#define LOCK_RETRY_MS 20

static bool path_of(char path[PATH_MAX], const char *folder, const char *node,
		    const char *name)
{
	int n = snprintf(path, PATH_MAX, "%s/%s%s%s", folder, node, *name ? "/" : "",
			 name);

	return n > 0 && n < PATH_MAX;
}

static bool path_of_job(char path[PATH_MAX], const char *folder, const char *node,
			uint32_t job, const char *suffix)
{
	char name[32];

	snprintf(name, sizeof(name), "%lu%s", (unsigned long)job, suffix);
	return path_of(path, folder, node, name);
}

static bool make_folder(const char *path, mode_t mode)
{
	/* one that an earlier version made was open to all */
	return mkdir(path, mode) == 0 || (errno == EEXIST && chmod(path, mode) == 0);
}

/* FOLDER/NODE; /run/gputopo may be missing after a boot, so one level above too. */
static bool make_folders(const char *folder, const char *path)
{
	char above[PATH_MAX];
	char *slash;

	if (!make_folder(folder, 0700)) {
		snprintf(above, sizeof(above), "%s", folder);
		slash = strrchr(above, '/');
		if (!slash || slash == above)
			return false;
		*slash = '\0';
		if ((mkdir(above, 0755) != 0 && errno != EEXIST) ||
		    !make_folder(folder, 0700))
			return false;
	}
	return make_folder(path, 0700);
}

/* ---- the lock ---- */

static void read_holder(int lock, char *holder, size_t size)
{
	ssize_t n = pread(lock, holder, size - 1, 0);

	holder[n > 0 ? n : 0] = '\0';
	holder[strcspn(holder, "\n")] = '\0';
}

static int fail_lock(int lock, int error)
{
	close(lock);
	errno = error;
	return -1;
}

int gp_mig_records_lock(const char *folder, const char *node, int wait_ms, char *holder,
			size_t holder_size)
{
	const struct timespec pause = {0, LOCK_RETRY_MS * 1000000L};
	char path[PATH_MAX];
	int lock;

	holder[0] = '\0';
	if (!path_of(path, folder, node, "")) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (!make_folders(folder, path) || !path_of(path, folder, node, "lock"))
		return -1;
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0)
		return -1;
	for (int waited = 0; flock(lock, LOCK_EX | LOCK_NB) != 0;
	     waited += LOCK_RETRY_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return fail_lock(lock, errno);
		if (waited >= wait_ms) {
			read_holder(lock, holder, holder_size);
			return fail_lock(lock, ETIMEDOUT);
		}
		nanosleep(&pause, NULL);
	}
	return lock;
}

void gp_mig_records_sign(int lock, const char *what)
{
	if (ftruncate(lock, 0) == 0)
		dprintf(lock, "%s, process %ld\n", what, (long)getpid());
}

void gp_mig_records_unlock(int lock)
{
	if (lock < 0)
		return;
	/* whoever waits next must not read our name */
	(void)!ftruncate(lock, 0);
	close(lock);
}

/* ---- one record ---- */

static bool read_instance(FILE *in, struct gp_mig_instance *i)
{
	struct gp_mig_slice *s = &i->slice;

	if (fscanf(in, " gpu %d start %d size %d compute %d%7s gi %d ci %d %95s", &s->gpu,
		   &s->start, &s->size, &s->compute, s->suffix, &i->gi, &i->ci,
		   i->uuid) != 8)
		return false;
	if (strcmp(s->suffix, NO_SUFFIX) == 0)
		s->suffix[0] = '\0';
	if (strcmp(i->uuid, NO_SUFFIX) == 0)
		i->uuid[0] = '\0';
	return s->gpu >= 0 && s->start >= 0 && s->size > 0;
}

static bool read_record(FILE *in, struct gp_mig_record *record)
{
	char line[64] = "";
	int count = 0;

	if (!fgets(line, sizeof(line), in) || strcmp(line, HEADER "\n") != 0 ||
	    fscanf(in, " restart %d instances %d", &record->restart, &count) != 2 ||
	    count < 0 || count > GP_MIG_RECORD_MAX)
		return false;
	while (record->count < count)
		if (!read_instance(in, &record->instance[record->count++]))
			return false;
	if (fscanf(in, " refused %127[^\n]", record->refused) != 1)
		record->refused[0] = '\0';
	return true;
}

int gp_mig_record_read(const char *folder, const char *node, uint32_t job,
		       struct gp_mig_record *record)
{
	char path[PATH_MAX];
	FILE *in;
	bool good;

	memset(record, 0, sizeof(*record));
	record->job = job;
	if (!path_of_job(path, folder, node, job, "")) {
		errno = ENAMETOOLONG;
		return -1;
	}
	in = fopen(path, "re");
	if (!in)
		return errno == ENOENT ? 0 : -1;
	good = read_record(in, record);
	fclose(in);
	if (good)
		return 1;
	errno = EINVAL;
	return -1;
}

static bool write_record(FILE *out, const struct gp_mig_record *record)
{
	fprintf(out, HEADER "\nrestart %d instances %d\n", record->restart,
		record->count);
	for (int n = 0; n < record->count; n++) {
		const struct gp_mig_instance *i = &record->instance[n];
		const struct gp_mig_slice *s = &i->slice;

		fprintf(out, "gpu %d start %d size %d compute %d %s gi %d ci %d %s\n",
			s->gpu, s->start, s->size, s->compute,
			s->suffix[0] ? s->suffix : NO_SUFFIX, i->gi, i->ci,
			i->uuid[0] ? i->uuid : NO_SUFFIX);
	}
	if (record->refused[0])
		fprintf(out, "refused %s\n", record->refused);
	return fflush(out) == 0 && fchmod(fileno(out), 0600) == 0;
}

int gp_mig_record_write(const char *folder, const char *node,
			const struct gp_mig_record *record)
{
	char path[PATH_MAX], draft[PATH_MAX];
	FILE *out;
	bool good;
	int keep;

	if (record->count == 0 && !record->refused[0])
		return gp_mig_record_remove(folder, node, record->job);
	if (!path_of_job(path, folder, node, record->job, "") ||
	    !path_of_job(draft, folder, node, record->job, ".new")) {
		errno = ENAMETOOLONG;
		return -1;
	}
	out = fopen(draft, "we");
	if (!out)
		return -1;
	good = write_record(out, record);
	good = fclose(out) == 0 && good;
	if (good && rename(draft, path) == 0)
		return 0;
	keep = errno;
	unlink(draft); /* on a full file system every block counts */
	errno = keep;
	return -1;
}

int gp_mig_record_remove(const char *folder, const char *node, uint32_t job)
{
	char path[PATH_MAX];

	if (!path_of_job(path, folder, node, job, "")) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return unlink(path) == 0 || errno == ENOENT ? 0 : -1;
}

/* ---- all ---- */

int gp_mig_records_list(const char *folder, const char *node, uint32_t *jobs, int room)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	if (!path_of(path, folder, node, "")) {
		errno = ENAMETOOLONG;
		return -1;
	}
	dir = opendir(path);
	if (!dir)
		return -1;
	while (count < room && (entry = readdir(dir))) {
		char *end;
		unsigned long job = strtoul(entry->d_name, &end, 10);

		if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && !*end &&
		    job <= UINT32_MAX)
			jobs[count++] = (uint32_t)job;
	}
	closedir(dir);
	return count;
}
