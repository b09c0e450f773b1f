/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: lines of slurm.conf, with Include, escapes and continued lines. */
#include "fuzz_files.h"

#include "conf/slurm_conf.h"

static enum gt_err slurm_conf_check(const struct slurm_line *line, void *arg)
{
	static char value[SLURM_VALUE_MAX];
	int *seen = arg;

	fuzz_must(line->file && line->number > 0 && line->text[0]);
	if (slurm_line_get(line, "NodeName", value, sizeof(value)))
		(void)slurm_list_has(value, "n1");
	/* a value that does not fit is no value */
	fuzz_must(!slurm_line_get(line, "NodeName", value, 4) || strlen(value) < 4);
	return ++*seen < 4096 ? GT_OK : GT_ELIMIT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_files(data, size);
	struct gt_error err = {0};
	int followed = 0, alone = 0;

	if (slurm_conf_walk(path, slurm_conf_check, &followed, &err))
		fuzz_must(err.text[0] || followed == 4096);
	err = (struct gt_error){0};
	if (slurm_lines_walk(path, slurm_conf_check, &alone, &err))
		fuzz_must(err.text[0] || alone == 4096);
	return 0;
}
