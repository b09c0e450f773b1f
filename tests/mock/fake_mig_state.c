/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulated node's GPU instances, shared between processes. */
#include "fake_mig.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define READY 0x6d696731u

static int open_file(const char *folder, const char *node, int flags)
{
	char path[PATH_MAX];
	int file;

	snprintf(path, sizeof(path), "%s/%s", folder, node ? node : "node");
	file = open(path, flags | O_RDWR | O_CLOEXEC, 0666);
	if (file >= 0 && flags)
		fchmod(file, 0666);
	while (file >= 0 && flock(file, LOCK_EX) != 0)
		if (errno != EINTR) {
			close(file);
			return -1;
		}
	return file;
}

struct fake_state *fake_open(const char *folder, const char *node, int *lock)
{
	struct fake_state *state = NULL;
	struct stat st;
	void *at = MAP_FAILED;

	*lock = open_file(folder, node, 0);
	if (*lock < 0)
		return NULL;
	if (fstat(*lock, &st) == 0 && st.st_size >= (off_t)sizeof(*state))
		at = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, *lock,
			  0);
	if (at != MAP_FAILED)
		state = at;
	if (state && state->ready == READY)
		return state;
	close(*lock);
	return NULL;
}

void fake_close(struct fake_state *state, int lock)
{
	munmap(state, sizeof(*state));
	close(lock);
}

bool fake_create(const char *folder, const char *node, int gpus)
{
	struct fake_state state = {.ready = READY, .gpus = gpus};
	int file;
	bool good;

	if (mkdir(folder, 0777) != 0 && errno != EEXIST)
		return false;
	for (int g = 0; g < gpus; g++)
		state.gpu[g].mig = true;
	file = open_file(folder, node, O_CREAT);
	if (file < 0)
		return false;
	good = pwrite(file, &state, sizeof(state), 0) == (ssize_t)sizeof(state);
	close(file);
	return good;
}

static bool is_alive(const struct fake_process *p)
{
	return p->pid > 0 && (kill(p->pid, 0) == 0 || errno == EPERM);
}

const struct fake_process *fake_any(const struct fake_process *processes)
{
	for (int i = 0; i < FAKE_PROCESSES; i++)
		if (is_alive(&processes[i]))
			return &processes[i];
	return NULL;
}

bool fake_alive(const struct fake_process *processes)
{
	return fake_any(processes) != NULL;
}

struct fake_process *fake_room(struct fake_process *processes)
{
	for (int i = 0; i < FAKE_PROCESSES; i++)
		if (!is_alive(&processes[i]))
			return &processes[i];
	return NULL;
}

int fake_job(void)
{
	const char *job = getenv("SLURM_JOB_ID");

	return job ? atoi(job) : 0;
}

/* In slurmctld's form of a date, so that the two logs can be read side by side. */
static void __attribute__((format(printf, 2, 3)))
note(const char *folder, const char *format, ...)
{
	const char *node = getenv("SLURMD_NODENAME");
	char path[PATH_MAX], day[32] = "";
	struct timespec now;
	struct tm tm;
	va_list args;
	FILE *file;

	snprintf(path, sizeof(path), "%s/log", folder);
	file = fopen(path, "ae");
	if (!file)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	if (localtime_r(&now.tv_sec, &tm))
		strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(file, "[%s.%03ld] %s: ", day, now.tv_nsec / 1000000,
		node ? node : "node");
	va_start(args, format);
	vfprintf(file, format, args);
	va_end(args);
	fputc('\n', file);
	fclose(file);
}

void fake_meeting(struct fake_state *state, const char *folder, int gpu,
		  const char *event, const struct fake_instance *instance,
		  const struct fake_process *whole)
{
	state->meetings++;
	note(folder,
	     "meeting on GPU %d: %s; slices %d-%d of job %d, all of job %d (process %d)",
	     gpu, event, instance->start, instance->start + instance->size - 1,
	     instance->job, whole->job, (int)whole->pid);
}

void fake_overlap(struct fake_state *state, const char *folder, int gpu,
		  const struct fake_instance *wanted, const struct fake_instance *other)
{
	state->overlaps++;
	note(folder, "overlap on GPU %d: job %d asks for slices %d-%d, job %d has %d-%d",
	     gpu, wanted->job, wanted->start, wanted->start + wanted->size - 1,
	     other->job, other->start, other->start + other->size - 1);
}

void fake_missing(const char *folder, const char *device)
{
	note(folder, "missing: job %d begins on '%s'", fake_job(), device);
}

void fake_uuid(char *uuid, size_t size, int gpu, const struct fake_instance *instance)
{
	snprintf(uuid, size, "MIG-%08x-0000-4000-8000-%012x", (unsigned int)gpu,
		 instance->serial);
}
