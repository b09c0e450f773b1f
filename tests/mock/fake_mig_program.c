/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_mig - prepare, spoil and look at the GPU instances of simulated nodes.
 *
 *   fake_mig FOLDER create NODE GPUS
 *   fake_mig FOLDER list NODE            one line an instance: GPU START SIZE UUID
 *   fake_mig FOLDER counts NODE          overlaps, meetings, made, removed, left; what
 *                                        they were is in FOLDER/log
 *   fake_mig FOLDER add NODE GPU START SIZE PROFILE     somebody else's instance
 *   fake_mig FOLDER fail NODE CALL N     the next N calls fail: gi-create, ci-create,
 *                                        ci-destroy, gi-destroy
 *   fake_mig FOLDER slow NODE MS         every call takes as long
 *   fake_mig FOLDER mode NODE GPU 0|1    MIG mode
 *   fake_mig FOLDER reboot NODE          all instances are gone
 *   fake_mig FOLDER use NODE -- PROGRAM...   run PROGRAM on what CUDA_VISIBLE_DEVICES
 *                                        names, GPUs or MIG devices; exit status 3: not
 *                                        there
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_mig.h"
#include "core/library.h"

static const char *const call_names[FAKE_CALLS] = {"gi-create", "ci-create", "ci-destroy",
						   "gi-destroy"};

static int list(const struct fake_state *state)
{
	for (int g = 0; g < state->gpus; g++)
		for (int s = 0; s < FAKE_INSTANCES; s++) {
			const struct fake_instance *i = &state->gpu[g].instance[s];
			char uuid[64];

			if (!i->used)
				continue;
			fake_uuid(uuid, sizeof(uuid), g, i);
			printf("%d %d %d %s%s%s\n", g, i->start, i->size, uuid,
			       i->foreign ? " foreign" : "", i->filled ? "" : " empty");
		}
	return 0;
}

static int counts(const struct fake_state *state)
{
	int left = 0;

	for (int g = 0; g < state->gpus; g++)
		for (int s = 0; s < FAKE_INSTANCES; s++)
			left += state->gpu[g].instance[s].used;
	printf("overlaps %u meetings %u made %u removed %u left %d\n", state->overlaps,
	       state->meetings, state->made, state->removed, left);
	return 0;
}

static int add(struct fake_state *state, char **argv)
{
	const struct gt_mig_gpu *gpu = NULL;
	int g = atoi(argv[0]), profile;

	if (gt_mig_gpu_find(&gpu, FAKE_MODEL, NULL) ||
	    gt_mig_profile_find(gpu, argv[3], &profile, NULL) || g < 0 ||
	    g >= state->gpus)
		return 2;
	for (int s = FAKE_INSTANCES - 1; s >= 0; s--) {
		struct fake_instance *i = &state->gpu[g].instance[s];

		if (i->used)
			continue;
		*i = (struct fake_instance){
			.used = true,
			.filled = true,
			.foreign = true,
			.id = (unsigned int)s,
			.profile = (unsigned int)gpu->profile[profile].id,
			.serial = ++state->next_serial,
			.start = atoi(argv[1]),
			.size = atoi(argv[2]),
		};
		return 0;
	}
	return 2;
}

static int fail(struct fake_state *state, char **argv)
{
	for (int c = 0; c < FAKE_CALLS; c++)
		if (strcmp(argv[0], call_names[c]) == 0) {
			state->fail[c] = atoi(argv[1]);
			return 0;
		}
	return 2;
}

static int reboot(struct fake_state *state)
{
	for (int g = 0; g < FAKE_GPUS; g++)
		memset(state->gpu[g].instance, 0, sizeof(state->gpu[g].instance));
	return 0;
}

/* ---- running on a device ---- */

static bool join(struct fake_process *processes)
{
	struct fake_process *room = fake_room(processes);

	if (room)
		*room = (struct fake_process){getpid(), fake_job()};
	return room;
}

static bool use_instance(struct fake_state *state, const char *folder, const char *uuid)
{
	const struct fake_process *whole;

	for (int g = 0; g < state->gpus; g++)
		for (int s = 0; s < FAKE_INSTANCES; s++) {
			struct fake_instance *i = &state->gpu[g].instance[s];
			char here[64];

			fake_uuid(here, sizeof(here), g, i);
			if (!i->used || !i->filled || strcmp(here, uuid) != 0)
				continue;
			whole = fake_any(state->gpu[g].whole);
			if (whole)
				fake_meeting(state, folder, g,
					     "a MIG job's process begins", i, whole);
			return join(i->process);
		}
	return false;
}

static bool use_gpu(struct fake_state *state, const char *folder, const char *name)
{
	const struct fake_process self = {getpid(), fake_job()};
	char *end;
	long g = strtol(name, &end, 10);

	if (*end || g < 0 || g >= state->gpus)
		return false;
	for (int s = 0; s < FAKE_INSTANCES; s++)
		if (state->gpu[g].instance[s].used && !state->gpu[g].instance[s].foreign)
			fake_meeting(state, folder, (int)g,
				     "a whole-GPU job's process begins",
				     &state->gpu[g].instance[s], &self);
	return join(state->gpu[g].whole);
}

static int use(struct fake_state *state, const char *folder)
{
	const char *visible = getenv("CUDA_VISIBLE_DEVICES");
	char copy[1024], *at, *name;

	snprintf(copy, sizeof(copy), "%s", visible ? visible : "");
	for (at = copy; (name = strsep(&at, ","));)
		if (!*name ||
		    !(strncmp(name, "MIG-", 4) == 0 ? use_instance(state, folder, name)
						    : use_gpu(state, folder, name))) {
			fprintf(stderr, "fake_mig: '%s' is not there\n", name);
			fake_missing(folder, name);
			return 3;
		}
	return 0;
}

static int run(struct fake_state *state, const char *folder, const char *command,
	       int argc, char **argv)
{
	if (!strcmp(command, "list"))
		return list(state);
	if (!strcmp(command, "counts"))
		return counts(state);
	if (!strcmp(command, "reboot"))
		return reboot(state);
	if (!strcmp(command, "use"))
		return use(state, folder);
	if (!strcmp(command, "add") && argc == 4)
		return add(state, argv);
	if (!strcmp(command, "fail") && argc == 2)
		return fail(state, argv);
	if (!strcmp(command, "slow") && argc == 1)
		return state->slow_ms = atoi(argv[0]), 0;
	if (!strcmp(command, "mode") && argc == 2 && atoi(argv[0]) < FAKE_GPUS)
		return state->gpu[atoi(argv[0])].mig = atoi(argv[1]), 0;
	return 2;
}

int main(int argc, char **argv)
{
	struct fake_state *state;
	int lock, status;

	if (argc < 4) {
		fprintf(stderr, "usage: fake_mig FOLDER COMMAND NODE ...\n");
		return 2;
	}
	if (!strcmp(argv[2], "create") && argc == 5)
		return fake_create(argv[1], argv[3], atoi(argv[4])) ? 0 : 1;
	state = fake_open(argv[1], argv[3], &lock);
	if (!state) {
		fprintf(stderr, "fake_mig: no node %s in %s\n", argv[3], argv[1]);
		return 1;
	}
	status = run(state, argv[1], argv[2], argc - 4, argv + 4);
	fake_close(state, lock);
	if (status == 0 && !strcmp(argv[2], "use") && argc > 5) {
		execvp(argv[5], argv + 5);
		perror(argv[5]);
		return 1;
	}
	return status;
}
