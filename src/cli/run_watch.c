/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run_watch.c - run a command and stay beside it: signals are passed on, it ends with who
 * started us, and what it leaves behind ends with it, as in a Slurm step. Called by
 * cmd_run.c.
 *
 * The command inherits the locks of its GPUs. Killed by SIGKILL, we take the command
 * along (PR_SET_PDEATHSIG); what that has started keeps the locks until it is gone too,
 * so that no GPU is given out while anybody may still be on it.
 */
#include "config.h"

#include "cli/cli.h"
#include "cli/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS	    500	  /* between looks for the starter, where the kernel can't say */
#define GRACE_MS    10000 /* from SIGTERM to SIGKILL */
#define LEFTOVER_MS 2000  /* the same for what a command leaves behind */

static const int passed[] = {SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGHUP};

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool run_watch_begin(struct run_watch *watch)
{
	struct sigaction hangup;
	bool stays =
		sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler == SIG_IGN;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		if (passed[i] != SIGHUP || !stays)
			sigaddset(&set, passed[i]);
	if (sigprocmask(SIG_BLOCK, &set, &watch->old) != 0)
		return false;
	watch->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	watch->caller = -1;
	watch->caller_pid = stays ? 0 : getppid();
#ifdef SYS_pidfd_open
	if (watch->caller_pid > 0)
		watch->caller = (int)syscall(SYS_pidfd_open, watch->caller_pid, 0);
#endif
	/* orphans of the command become ours */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	return watch->signals >= 0;
}

static bool caller_is_gone(const struct run_watch *watch)
{
	return watch->caller_pid > 0 && getppid() != watch->caller_pid;
}

/* Wait for a signal, the caller's end or so many milliseconds; -1: for ever. */
static void wait_event(struct run_watch *watch, int ms)
{
	struct pollfd fds[2] = {{.fd = watch->signals, .events = POLLIN},
				{.fd = watch->caller, .events = POLLIN}};

	if (watch->caller < 0 && watch->caller_pid > 0 && (ms < 0 || ms > LOOK_MS))
		ms = LOOK_MS;
	(void)poll(fds, watch->caller < 0 ? 1 : 2, ms);
}

int run_watch_sleep(struct run_watch *watch, int ms)
{
	struct signalfd_siginfo info;

	wait_event(watch, ms);
	while (read(watch->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			return 128 + (int)info.ssi_signo;
	return caller_is_gone(watch) ? 128 + SIGHUP : 0;
}

static int status_of(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status)
					: WEXITSTATUS(wait_status);
}

/* Send a signal to every child that is left; false: nobody can say which they are. */
static bool signal_children(int signo)
{
	char path[64];
	long pid;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "re");
	if (!f)
		return false;
	while (fscanf(f, "%ld", &pid) == 1)
		kill((pid_t)pid, signo);
	fclose(f);
	return true;
}

/* End what the command has left behind. */
static void end_leftovers(void)
{
	const struct timespec pause = {0, 10 * 1000000L};
	long begin = now_ms(), waited;
	pid_t got;

	while ((got = waitpid(-1, NULL, WNOHANG)) >= 0) {
		waited = now_ms() - begin;
		if (got > 0)
			continue;
		if (!signal_children(waited < LEFTOVER_MS ? SIGTERM : SIGKILL) ||
		    waited > GRACE_MS)
			return;
		nanosleep(&pause, NULL);
	}
}

/* Stay until all of them have ended. */
static void attend(struct run_watch *watch, const pid_t *pid, int *status, int count)
{
	long killed_at = 0;
	int left = count;

	while (left > 0) {
		struct signalfd_siginfo info;
		int wait_status, signo = 0;
		pid_t got;

		wait_event(watch, killed_at ? 100 : -1);
		while (read(watch->signals, &info, sizeof(info)) == sizeof(info)) {
			/* the terminal has told them itself */
			if (info.ssi_signo != SIGCHLD && info.ssi_code != SI_KERNEL)
				signo = (int)info.ssi_signo;
		}
		while ((got = waitpid(-1, &wait_status, WNOHANG)) > 0)
			for (int i = 0; i < count; i++)
				if (pid[i] == got) {
					status[i] = status_of(wait_status);
					left--;
				}
		if (!killed_at && caller_is_gone(watch)) {
			signo = SIGTERM;
			killed_at = now_ms();
			if (watch->caller >= 0)
				close(watch->caller);
			watch->caller = -1;
			watch->caller_pid = 0;
		}
		if (killed_at && now_ms() - killed_at > GRACE_MS)
			signo = SIGKILL;
		for (int i = 0; signo && i < count; i++)
			if (status[i] < 0)
				kill(pid[i], signo);
	}
}

static void become(const struct run_watch *watch, pid_t parent, char **argv,
		   const int *locks, int count)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(128 + SIGKILL);
	for (int i = 0; i < count; i++)
		if (locks[i] >= 0)
			(void)fcntl(locks[i], F_SETFD, 0);
	(void)sigprocmask(SIG_SETMASK, &watch->old, NULL);
	execvp(argv[0], argv);
	cli_say("run: %s: %s", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

int run_watch_command(struct run_watch *watch, char **argv, const int *locks, int count)
{
	pid_t parent = getpid(), pid = fork();
	int status = -1;

	if (pid < 0) {
		cli_say("run: %s", strerror(errno));
		return CLI_FAILED;
	}
	if (pid == 0)
		become(watch, parent, argv, locks, count);
	attend(watch, &pid, &status, 1);
	end_leftovers();
	return status;
}

pid_t run_watch_fork(struct run_watch *watch)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	close(watch->signals);
	if (watch->caller >= 0)
		close(watch->caller);
	(void)sigprocmask(SIG_SETMASK, &watch->old, NULL);
	if (!run_watch_begin(watch) || getppid() != parent)
		_exit(128 + SIGHUP);
	watch->caller_pid = parent;
	return 0;
}

int run_watch_all(struct run_watch *watch, const pid_t *pid, int count)
{
	int status[RUN_GPUS], worst = 0;

	for (int i = 0; i < count; i++)
		status[i] = -1;
	attend(watch, pid, status, count);
	for (int i = 0; i < count; i++)
		worst = status[i] > worst ? status[i] : worst;
	return worst;
}
