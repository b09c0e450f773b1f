/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mock.h - a little of slurmctld, and a stock plugin that records.
 *
 * The test program holds the mocked Slurm functions (slurm.c) and exports them; it loads the
 * real select_cons_tres.so of gputopo as Slurm would, which loads tests/mock's
 * select_cons_tres.so (inner.c) as the stock plugin. Both see the state below.
 */
#ifndef GPUTOPO_TESTS_MOCK_H
#define GPUTOPO_TESTS_MOCK_H

#include "plugin/forward.h"

#define MOCK_MAX_ARGS 10
#define MOCK_MAX_LOG 64

/* ---- the stock plugin --------------------------------------------------------------- */

struct mock_inner {
	/* what was called last, and how often anything was */
	const char *name;
	uintptr_t arg[MOCK_MAX_ARGS];
	int args;
	int calls;
	uintptr_t answer;		/* what every operation returns */
	int init_answer;
	int inits, finis;
	/* if set, job_test is this */
	int(*job_test) GP_JOB_TEST_PROTO;
};

extern struct mock_inner mock_inner;

/* ---- what slurmctld would be -------------------------------------------------------- */

struct mock_slurm {
	bool in_slurmctld;
	int lines;			/* of log */
	char log[MOCK_MAX_LOG][512];
};

extern struct mock_slurm mock_slurm;

struct xlist {
	void *item[16];
	int count;
};

void mock_list_add(struct xlist *list, void *item);
/* Is there a log line that holds text? */
bool mock_logged(const char *text);
void mock_log_clear(void);

/* ---- our plugin, loaded as Slurm would ----------------------------------------------- */

#define MOCK_POINTER(ret, name, member, proto, args) ret(*name) proto;
struct mock_ours {
	void *handle;
	int (*init)(void);
	GP_FINI_TYPE (*fini)(void);
	GP_OPERATIONS(MOCK_POINTER, MOCK_POINTER)
};

/* Load our file and resolve every operation; false if one is missing. dirs becomes
 * PluginDir. Does not call init. */
bool mock_load(struct mock_ours *ours, const char *dirs);
void mock_unload(struct mock_ours *ours);

#endif
