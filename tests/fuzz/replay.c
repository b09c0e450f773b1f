/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The corpus of every fuzzer once, and each file cut short at many places: a TAP line a
 * format. The long runs are `make fuzz`. */
#include "config.h"

#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>

#define CUTS 40

/* The fuzzers that are more than one reader of topologies, as they are. */
typedef int replay_run(const uint8_t *data, size_t size);
replay_run fuzz_mig, fuzz_place, fuzz_record, fuzz_word, fuzz_conf, fuzz_hosts,
	fuzz_decisions, fuzz_trace, fuzz_gres_conf, fuzz_slurm_conf;
#define LLVMFuzzerTestOneInput fuzz_mig
#include "fuzz_mig.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_place
#include "fuzz_place.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_record
#include "fuzz_record.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_word
#include "fuzz_word.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_conf
#include "fuzz_conf.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_hosts
#include "fuzz_hosts.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_decisions
#include "fuzz_decisions.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_trace
#include "fuzz_trace.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_gres_conf
#include "fuzz_gres_conf.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_slurm_conf
#include "fuzz_slurm_conf.c"
#undef LLVMFuzzerTestOneInput

/* run NULL: the reader of that format. */
static const struct {
	const char *name;
	replay_run *run;
} formats[] = {
	{"json", NULL},
	{"hwloc", NULL},
	{"nccl", NULL},
	{"rocm-smi", NULL},
	{"amd-smi", NULL},
	{"gres", NULL},
	{"nvidia-smi", NULL},
	{"nvlink", NULL},
	{"mig", fuzz_mig},
	{"place", fuzz_place},
	{"record", fuzz_record},
	{"word", fuzz_word},
	{"conf", fuzz_conf},
	{"hosts", fuzz_hosts},
	{"decisions", fuzz_decisions},
	{"trace", fuzz_trace},
	{"gres-conf", fuzz_gres_conf},
	{"slurm-conf", fuzz_slurm_conf},
};

static void replay_one(int format, const uint8_t *data, size_t size)
{
	if (formats[format].run)
		formats[format].run(data, size);
	else
		fuzz_one(formats[format].name, data, size);
}

static int replay_file(int format, const char *path)
{
	FILE *in = fopen(path, "r");
	uint8_t *data;
	size_t size;
	int runs = 1;

	if (!in)
		return 0;
	data = malloc(1 << 20);
	fuzz_must(data != NULL);
	size = fread(data, 1, 1 << 20, in);
	fclose(in);
	replay_one(format, data, size);
	for (size_t cut = 1; cut <= CUTS; cut++, runs++) {
		/* a copy of its own size, so that reading beyond it is seen */
		size_t part = size * cut / (CUTS + 1);
		uint8_t *copy = malloc(part ? part : 1);

		fuzz_must(copy != NULL);
		memcpy(copy, data, part);
		replay_one(format, copy, part);
		free(copy);
	}
	free(data);
	return runs;
}

static int replay_folder(int format)
{
	const char *top = getenv("GPUTOPO_SRCDIR");
	char path[4096];
	struct dirent *entry;
	int runs = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", top ? top : ".",
		 formats[format].name);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s/%s",
			 top ? top : ".", formats[format].name, entry->d_name);
		if (entry->d_name[0] != '.')
			runs += replay_file(format, path);
	}
	if (folder)
		closedir(folder);
	return runs;
}

int main(void)
{
	int count = (int)(sizeof(formats) / sizeof(formats[0])), failures = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%d\n", count);
	for (int i = 0; i < count; i++) {
		int runs = replay_folder(i);

		failures += runs == 0;
		printf("%s %d - %s: %d inputs\n", runs ? "ok" : "not ok", i + 1,
		       formats[i].name, runs);
	}
	return failures > 0;
}
