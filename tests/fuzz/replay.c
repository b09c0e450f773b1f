/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The corpus of every fuzzer once, and each file cut short at many places: a TAP line a
 * format. The long runs are `make fuzz`. */
#include "config.h"

#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>

#define CUTS 40

static const char *const formats[] = {"json",	 "hwloc", "nccl",	"rocm-smi",
				      "amd-smi", "gres",  "nvidia-smi", "nvlink"};

static int replay_file(const char *format, const char *path)
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
	fuzz_one(format, data, size);
	for (size_t cut = 1; cut <= CUTS; cut++, runs++) {
		/* a copy of its own size, so that reading beyond it is seen */
		size_t part = size * cut / (CUTS + 1);
		uint8_t *copy = malloc(part ? part : 1);

		fuzz_must(copy != NULL);
		memcpy(copy, data, part);
		fuzz_one(format, copy, part);
		free(copy);
	}
	free(data);
	return runs;
}

static int replay_folder(const char *format)
{
	const char *top = getenv("GPUTOPO_SRCDIR");
	char path[4096];
	struct dirent *entry;
	int runs = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", top ? top : ".", format);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s/%s",
			 top ? top : ".", format, entry->d_name);
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
		int runs = replay_folder(formats[i]);

		failures += runs == 0;
		printf("%s %d - %s: %d inputs\n", runs ? "ok" : "not ok", i + 1,
		       formats[i], runs);
	}
	return failures > 0;
}
