/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulated node's GPU instances, shared between processes. */
#include "fake_mig.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

bool fake_alive(const struct fake_process *processes)
{
	for (int i = 0; i < FAKE_PROCESSES; i++)
		if (is_alive(&processes[i]))
			return true;
	return false;
}

struct fake_process *fake_room(struct fake_process *processes)
{
	for (int i = 0; i < FAKE_PROCESSES; i++)
		if (!is_alive(&processes[i]))
			return &processes[i];
	return NULL;
}

void fake_uuid(char *uuid, size_t size, int gpu, const struct fake_instance *instance)
{
	snprintf(uuid, size, "MIG-%08x-0000-4000-8000-%012x", (unsigned int)gpu,
		 instance->serial);
}
