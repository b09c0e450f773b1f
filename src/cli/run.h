/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run.h - what gputopo run is made of: the GPUs that this process may use, the queue of
 * runs that share them, and the command that gets some. No root, no daemon: whoever
 * belongs together is the user's processes of one Slurm job on one node.
 */
#ifndef RUN_H
#define RUN_H

#include "core/library.h"

#include <signal.h>
#include <sys/types.h>

#define RUN_GPUS  64
#define RUN_TOKEN 96 /* of a device list: a number or a UUID */
#define RUN_LISTS 5

/* The variables in which programs look for their devices. */
extern const char *const run_lists[RUN_LISTS];

/* The GPUs of the job here, in ascending order of their numbers. */
struct run_gpus {
	int count;
	int number[RUN_GPUS]; /* Slurm's; their places where Slurm does not say */
	bool has[RUN_LISTS];  /* the variable is set */
	char token[RUN_LISTS][RUN_GPUS][RUN_TOKEN]; /* how it names each */
};

/* Read them from the environment. false: there are none, or the lists contradict each
 * other; why says which. */
bool run_gpus_read(struct run_gpus *gpus, char *why, size_t size);
/* Write the variables for some of them, a mask over their places, in this order. Where
 * none was set, all that Slurm sets are. false: no memory. */
bool run_gpus_show(const struct run_gpus *gpus, const int *place, int count);

/* ---- the queue: run_lease.c ---- */

/* One run's place among those of the job, and then its GPUs. */
struct run_lease {
	char dir[4096];
	int queue;	   /* its lock is held while anybody decides */
	int ticket;	   /* -1: not in the queue */
	long number;	   /* the ticket's */
	int gpu[RUN_GPUS]; /* the locks that are held, -1: none */
};

/* Who holds what: sets of places, by the runs that have them. */
struct run_held {
	uint64_t free;
	int count;
	uint64_t set[RUN_GPUS];
};

/* Choose from what is free; 0: wait. */
typedef uint64_t run_choose(void *arg, const struct run_held *held);

/* Get in line, behind everybody who waits. false: errno and a line to print. */
bool run_lease_open(struct run_lease *lease, char *why, size_t size);
/* Try once: nothing happens while an earlier run waits. *taken: the set, 0: not yet.
 * false: the folder failed. */
bool run_lease_try(struct run_lease *lease, const struct run_gpus *gpus,
		   run_choose *choose, void *arg, uint64_t *taken);
/* Leave the line. */
void run_lease_leave(struct run_lease *lease);
/* Shut the locks of all GPUs but these, as a process that serves only some of them. */
void run_lease_keep(struct run_lease *lease, uint64_t places);
/* Give everything back; the folder goes with the last. */
void run_lease_close(struct run_lease *lease);

/* ---- the command: run_watch.c ---- */

struct run_watch {
	int signals; /* a signalfd */
	int caller;  /* a pidfd of who started us, -1: not to be looked at */
	sigset_t old;
	pid_t caller_pid;
};

/* Take over signals and look at who started us, unless hangups are ignored (nohup). */
bool run_watch_begin(struct run_watch *watch);
/* Wait up to ms. Returns 0, or the exit status for a signal or a caller that is gone. */
int run_watch_sleep(struct run_watch *watch, int ms);
/* Run the command, which inherits the lease's locks, until it and all that it has started
 * are gone. Signals are passed on; if the caller dies, the command is ended. Returns its
 * exit status, 128 + the signal that killed it, 126 or 127 where it cannot be run. */
int run_watch_command(struct run_watch *watch, char **argv, const int *locks, int count);
/* As fork, for a process that runs a command of its own and ends with this one. */
pid_t run_watch_fork(struct run_watch *watch);
/* Wait for such processes, at most RUN_GPUS; the largest of their exit statuses. */
int run_watch_all(struct run_watch *watch, const pid_t *pid, int count);

#endif
