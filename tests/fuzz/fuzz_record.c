/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: the record of a job's GPU instances. What was read is written and read
 * again, and is the same. */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/node/mig/mig_record.h"

static char record_folder[64];

static void record_gone(void)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/n", record_folder);
	rmdir(path);
	rmdir(record_folder);
}

static void record_begin(void)
{
	char path[96];

	if (record_folder[0])
		return;
	snprintf(record_folder, sizeof(record_folder), "/tmp/fuzz-record-XXXXXX");
	fuzz_must(mkdtemp(record_folder) != NULL);
	snprintf(path, sizeof(path), "%s/n", record_folder);
	fuzz_must(mkdir(path, 0700) == 0);
	atexit(record_gone);
}

static void record_end(void)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/n/7", record_folder);
	unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_mig_record first, second;
	char path[96];
	int file, got;

	record_begin();
	snprintf(path, sizeof(path), "%s/n/7", record_folder);
	file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	fuzz_must(file >= 0 && write(file, data, size) == (ssize_t)size);
	close(file);
	got = gp_mig_record_read(record_folder, "n", 7, &first);
	fuzz_must(got == 1 || got == -1);
	if (got == 1 && (first.count || first.refused[0])) {
		fuzz_must(first.count >= 0 && first.count <= GP_MIG_RECORD_MAX);
		fuzz_must(gp_mig_record_write(record_folder, "n", &first) == 0);
		fuzz_must(gp_mig_record_read(record_folder, "n", 7, &second) == 1);
		fuzz_must(first.count == second.count && first.restart == second.restart);
		fuzz_must(!strcmp(first.refused, second.refused));
		for (int i = 0; i < first.count; i++)
			fuzz_must(
				!strcmp(first.instance[i].uuid, second.instance[i].uuid));
	}
	record_end();
	return 0;
}
