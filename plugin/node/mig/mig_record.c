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
#include <unistd.h>

#define HEADER	  "gputopo-mig 1"
#define NO_SUFFIX "." /* scanf reads no empty word */

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

static bool make_folder(const char *path)
{
	return mkdir(path, 0755) == 0 || errno == EEXIST;
}

/* ---- the lock ---- */

int gp_mig_records_lock(const char *folder, const char *node)
{
	char path[PATH_MAX];
	int lock;

	if (!path_of(path, folder, node, "")) {
		errno = ENAMETOOLONG;
		return -1;
	}
	/* /run/gputopo may be missing after a boot: one level above is made too. */
	if (!make_folder(folder)) {
		char above[PATH_MAX];
		char *slash;

		snprintf(above, sizeof(above), "%s", folder);
		slash = strrchr(above, '/');
		if (!slash || slash == above)
			return -1;
		*slash = '\0';
		if (!make_folder(above) || !make_folder(folder))
			return -1;
	}
	if (!make_folder(path) || !path_of(path, folder, node, "lock"))
		return -1;
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	while (lock >= 0 && flock(lock, LOCK_EX) != 0)
		if (errno != EINTR) {
			close(lock);
			return -1;
		}
	return lock;
}

void gp_mig_records_unlock(int lock)
{
	if (lock >= 0)
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
	return fflush(out) == 0 && fchmod(fileno(out), 0644) == 0;
}

int gp_mig_record_write(const char *folder, const char *node,
			const struct gp_mig_record *record)
{
	char path[PATH_MAX], draft[PATH_MAX];
	FILE *out;
	bool good;

	if (record->count == 0)
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
	return good && rename(draft, path) == 0 ? 0 : -1;
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
