/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run_lease.c - the runs of one job on one node: who waits, in which order, and who has
 * which GPU. Called by cmd_run.c.
 *
 * All of it is locks (flock) on files in one folder, and a lock ends with the last
 * process that has the file open: nothing needs to be cleaned up after a SIGKILL.
 *
 *   queue     held while a run looks and decides
 *   turn.N    one for each run that waits, locked by it; the least N is served first
 *   gpu.G     one for each GPU, locked by the run that has it and by its command; says
 *             with which others it was taken
 */
#include "config.h"

#include "cli/run.h"
#include "rank/node_conf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int lock(int fd, int how)
{
	int rc;

	do
		rc = flock(fd, how);
	while (rc != 0 && errno == EINTR);
	return rc;
}

static int open_in(const struct run_lease *lease, const char *name, int flags)
{
	char path[sizeof(lease->dir) + 64];

	snprintf(path, sizeof(path), "%s/%s", lease->dir, name);
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static void remove_in(const struct run_lease *lease, const char *name)
{
	char path[sizeof(lease->dir) + 64];

	snprintf(path, sizeof(path), "%s/%s", lease->dir, name);
	(void)unlink(path);
}

static void ticket_name(long number, char name[32])
{
	snprintf(name, 32, "turn.%012ld", number);
}

static void gpu_name(const struct run_gpus *gpus, int place, char name[32])
{
	snprintf(name, 32, "gpu.%d", gpus->number[place]);
}

/* GPUTOPO_RUN_DIR, or else memory that all steps of a job on a node see. */
static bool name_folder(struct run_lease *lease, char *why, size_t size)
{
	const char *base = getenv("GPUTOPO_RUN_DIR"), *job = getenv("SLURM_JOB_ID");
	char node[256];
	struct stat st;

	if (!job || !*job || strspn(job, "0123456789") != strlen(job)) {
		snprintf(why, size, "not inside a Slurm job: SLURM_JOB_ID is not set");
		return false;
	}
	if (!base || !*base)
		base = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
	gp_node_name(node, sizeof(node));
	snprintf(lease->dir, sizeof(lease->dir), "%s/gputopo-run.%u.%.20s.%.255s", base,
		 (unsigned)geteuid(), job, strchr(node, '/') ? "node" : node);
	if (mkdir(lease->dir, 0700) != 0 && errno != EEXIST) {
		snprintf(why, size, "%.500s: %s", lease->dir, strerror(errno));
		return false;
	}
	/* anybody may write to /tmp */
	if (lstat(lease->dir, &st) != 0 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != geteuid() || (st.st_mode & 077)) {
		snprintf(why, size, "%.500s is not a private folder of yours",
			 lease->dir);
		return false;
	}
	return true;
}

/* Lock the queue of a folder that is still there. */
static bool enter(struct run_lease *lease, char *why, size_t size)
{
	struct stat st;

	for (int tries = 0; tries < 1000; tries++) {
		if (!name_folder(lease, why, size))
			return false;
		lease->queue = open_in(lease, "queue", O_RDWR | O_CREAT);
		if (lease->queue >= 0 && lock(lease->queue, LOCK_EX) == 0 &&
		    fstat(lease->queue, &st) == 0 && st.st_nlink > 0)
			return true;
		if (lease->queue >= 0)
			close(lease->queue);
		else if (errno != ENOENT)
			break;
	}
	snprintf(why, size, "%.500s/queue: %s", lease->dir, strerror(errno));
	return false;
}

/* The least number of a run that waits, that of the last one, or both 0. Tickets of the
 * dead are removed. */
static bool look_at_queue(const struct run_lease *lease, long *first, long *last)
{
	DIR *dir = opendir(lease->dir);
	struct dirent *entry;

	*first = *last = 0;
	if (!dir)
		return false;
	while ((entry = readdir(dir))) {
		long number;
		int fd;

		if (strncmp(entry->d_name, "turn.", 5) != 0)
			continue;
		number = strtol(entry->d_name + 5, NULL, 10);
		fd = number == lease->number ? -1
					     : open_in(lease, entry->d_name, O_RDONLY);
		if (fd >= 0 && lock(fd, LOCK_EX | LOCK_NB) == 0) {
			remove_in(lease, entry->d_name);
			close(fd);
			continue;
		}
		if (fd >= 0)
			close(fd);
		*first = !*first || number < *first ? number : *first;
		*last = number > *last ? number : *last;
	}
	closedir(dir);
	return true;
}

bool run_lease_open(struct run_lease *lease, char *why, size_t size)
{
	char name[32];
	long first, last;

	lease->ticket = -1;
	lease->number = 0;
	for (int g = 0; g < RUN_GPUS; g++)
		lease->gpu[g] = -1;
	if (!enter(lease, why, size))
		return false;
	if (look_at_queue(lease, &first, &last)) {
		ticket_name(last + 1, name);
		lease->ticket = open_in(lease, name, O_RDWR | O_CREAT | O_EXCL);
	}
	if (lease->ticket < 0 || lock(lease->ticket, LOCK_EX | LOCK_NB) != 0) {
		snprintf(why, size, "%.500s: %s", lease->dir, strerror(errno));
		close(lease->queue);
		return false;
	}
	lease->number = last + 1;
	lock(lease->queue, LOCK_UN);
	return true;
}

/* Lock what can be locked. What is held by others is grouped as it was taken. */
static bool look_at_gpus(struct run_lease *lease, const struct run_gpus *gpus,
			 struct run_held *held)
{
	char name[32], text[RUN_GPUS][64], buf[64];

	memset(held, 0, sizeof(*held));
	for (int g = 0; g < gpus->count; g++) {
		ssize_t length;
		int fd, s = 0;

		gpu_name(gpus, g, name);
		fd = open_in(lease, name, O_RDWR | O_CREAT);
		if (fd < 0)
			return false;
		if (lock(fd, LOCK_EX | LOCK_NB) == 0) {
			lease->gpu[g] = fd;
			held->free |= (uint64_t)1 << g;
			continue;
		}
		length = pread(fd, buf, sizeof(buf) - 1, 0);
		buf[length > 0 ? length : 0] = '\0';
		close(fd);
		while (s < held->count && (!buf[0] || strcmp(text[s], buf) != 0))
			s++;
		if (s == held->count)
			strcpy(text[held->count++], buf);
		held->set[s] |= (uint64_t)1 << g;
	}
	return true;
}

void run_lease_keep(struct run_lease *lease, uint64_t places)
{
	for (int g = 0; g < RUN_GPUS; g++)
		if (lease->gpu[g] >= 0 && !(places >> g & 1)) {
			close(lease->gpu[g]);
			lease->gpu[g] = -1;
		}
}

/* Those that were taken together say the same. */
static void sign(const struct run_lease *lease)
{
	char text[64];
	int length =
		snprintf(text, sizeof(text), "%ld %ld\n", (long)getpid(), lease->number);

	for (int g = 0; g < RUN_GPUS; g++)
		if (lease->gpu[g] >= 0 &&
		    (ftruncate(lease->gpu[g], 0) != 0 ||
		     pwrite(lease->gpu[g], text, (size_t)length, 0) != length))
			return; /* level 3 knows less then */
}

bool run_lease_try(struct run_lease *lease, const struct run_gpus *gpus,
		   run_choose *choose, void *arg, uint64_t *taken)
{
	struct run_held held;
	long first, last;
	bool ok;

	*taken = 0;
	if (lock(lease->queue, LOCK_EX) != 0)
		return false;
	ok = look_at_queue(lease, &first, &last);
	if (ok && first == lease->number) {
		ok = look_at_gpus(lease, gpus, &held);
		if (ok)
			*taken = choose(arg, &held) & held.free;
		run_lease_keep(lease, *taken);
		if (*taken)
			sign(lease);
	}
	if (*taken)
		run_lease_leave(lease);
	lock(lease->queue, LOCK_UN);
	return ok;
}

void run_lease_leave(struct run_lease *lease)
{
	char name[32];

	if (lease->ticket < 0)
		return;
	ticket_name(lease->number, name);
	remove_in(lease, name);
	close(lease->ticket);
	lease->ticket = -1;
}

/* Whether no task holds a GPU, this one or another. Locks all of their files. */
static bool all_idle(const struct run_lease *lease, bool removes)
{
	DIR *dir = opendir(lease->dir);
	struct dirent *entry;
	bool idle = dir != NULL;

	while (idle && (entry = readdir(dir))) {
		int fd;

		if (strncmp(entry->d_name, "gpu.", 4) != 0)
			continue;
		fd = open_in(lease, entry->d_name, O_RDONLY);
		idle = fd >= 0 && lock(fd, LOCK_EX | LOCK_NB) == 0;
		if (fd >= 0)
			close(fd);
		if (removes && idle)
			remove_in(lease, entry->d_name);
	}
	if (dir)
		closedir(dir);
	return idle;
}

void run_lease_close(struct run_lease *lease)
{
	long first, last;
	struct stat st;

	run_lease_leave(lease);
	run_lease_keep(lease, 0);
	/* The last one removes the folder; nobody takes a GPU without the queue's lock.
	 */
	if (lock(lease->queue, LOCK_EX | LOCK_NB) == 0 && fstat(lease->queue, &st) == 0 &&
	    st.st_nlink > 0) {
		lease->number = 0;
		if (look_at_queue(lease, &first, &last) && !first &&
		    all_idle(lease, false) && all_idle(lease, true)) {
			remove_in(lease, "queue");
			(void)rmdir(lease->dir);
		}
	}
	close(lease->queue);
}
