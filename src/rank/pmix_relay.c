/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pmix_relay.c - pass the facts of each task to the PMIx server of its slurmstepd: a
 * pipe, a thread and a flag. Called by rank_env.c.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rank/pmix_relay.h"

/* Small enough for the pipe to take it whole. */
struct message {
	int count;
	uint32_t rank;
	int gpu[GP_RANK_GPUS];
	char nspace[GP_PMIX_NSPACE_SIZE];
};
_Static_assert(sizeof(struct message) <= PIPE_BUF, "written in one piece");

/* The next one; false: all tasks have gone. */
static bool receive(const struct gp_relay *relay, struct message *message)
{
	ssize_t n;

	do {
		n = read(relay->pipe[0], message, sizeof(*message));
	} while (n < 0 && errno == EINTR);
	return n == sizeof(*message);
}

static void store_task(const struct gp_relay *relay, const struct message *message)
{
	if (message->count > 0)
		gp_pmix_store_task(relay->store, relay->facts, relay->node, message->gpu,
				   message->count, message->nspace, message->rank);
}

static void *listen_to_tasks(void *arg)
{
	struct gp_relay *relay = arg;
	struct message message;
	int told = 0;

	while (receive(relay, &message)) {
		if (told == 0)
			gp_pmix_store_node(relay->store, relay->facts, message.nspace);
		store_task(relay, &message);
		if (++told == relay->tasks)
			atomic_store(relay->stored, 1);
	}
	close(relay->pipe[0]);
	atomic_store(&relay->runs, false);
	return NULL;
}

bool gp_relay_start(struct gp_relay *relay)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int rc;

	if (pipe2(relay->pipe, O_CLOEXEC) != 0)
		return false;
	(void)fcntl(relay->pipe[1], F_SETFL, O_NONBLOCK);
	/* slurmstepd's signals are for its own threads */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	atomic_store(&relay->runs, true);
	rc = pthread_create(&thread, &attr, listen_to_tasks, relay);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	relay->open = rc == 0;
	if (!relay->open) {
		atomic_store(&relay->runs, false);
		close(relay->pipe[0]);
		close(relay->pipe[1]);
	}
	return relay->open;
}

void gp_relay_forked(struct gp_relay *relay)
{
	if (relay->open)
		close(relay->pipe[1]);
	relay->open = false;
}

void gp_relay_tell(const struct gp_relay *relay, const char *nspace, uint32_t rank,
		   const int *gpu, int count)
{
	const struct timespec ms = {.tv_nsec = 1000000};
	struct message message;

	if (!relay->open)
		return;
	memset(&message, 0, sizeof(message));
	message.rank = rank;
	message.count = count < GP_RANK_GPUS ? count : GP_RANK_GPUS;
	memcpy(message.gpu, gpu, (size_t)message.count * sizeof(*gpu));
	snprintf(message.nspace, sizeof(message.nspace), "%s", nspace);
	/* the task has the reading end too, so that this cannot end in SIGPIPE */
	if (write(relay->pipe[1], &message, sizeof(message)) != sizeof(message))
		return;
	for (int i = 0; i < GP_RELAY_WAIT_MS; i++) {
		if (atomic_load(relay->stored))
			return;
		nanosleep(&ms, NULL);
	}
}
