/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer: the reader of format hwloc. libhwloc runs in a child process, whose crashes
 * are an answer and no finding: the child must not report them as one.
 */
#include "fuzz.h"

#include <pthread.h>

void __sanitizer_set_death_callback(void (*callback)(void));
int LLVMFuzzerInitialize(int *argc, char ***argv);

static void forget_reporting(void)
{
	__sanitizer_set_death_callback(NULL);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	return pthread_atfork(NULL, NULL, forget_reporting);
}

FUZZ("hwloc")
