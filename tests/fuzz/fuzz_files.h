/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_files.h - one input as a folder of two files, for readers that follow Include:
 * what stands before the first NUL byte is "conf", the rest "more". The folder is made
 * once.
 */
#ifndef FUZZ_FILES_H
#define FUZZ_FILES_H

#include "fuzz.h"

#include <stdio.h>
#include <unistd.h>

static char fuzz_folder[256];

static void fuzz_folder_remove(void)
{
	char path[300];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", fuzz_folder, i ? "more" : "conf");
		unlink(path);
	}
	rmdir(fuzz_folder);
}

static inline void fuzz_file(const char *name, const uint8_t *data, size_t size)
{
	char path[300];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", fuzz_folder, name);
	out = fopen(path, "w");
	fuzz_must(out && fwrite(data, 1, size, out) == size);
	fclose(out);
}

/* The path of the first file; belongs to the next call. */
static inline const char *fuzz_files(const uint8_t *data, size_t size)
{
	static char path[300];
	const uint8_t *end = size ? memchr(data, 0, size) : NULL;
	size_t first = end ? (size_t)(end - data) : size;
	const char *temp = getenv("TMPDIR");

	if (!fuzz_folder[0]) {
		snprintf(fuzz_folder, sizeof(fuzz_folder), "%s/fuzz-XXXXXX",
			 temp ? temp : "/tmp");
		fuzz_must(mkdtemp(fuzz_folder) != NULL);
		atexit(fuzz_folder_remove);
	}
	fuzz_file("conf", data, first);
	fuzz_file("more", end ? end + 1 : data, end ? size - first - 1 : 0);
	snprintf(path, sizeof(path), "%s/conf", fuzz_folder);
	return path;
}

#endif
