/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machines of etc/nodes, embedded when the program is built (tools/embed-nodes). */
#include "config.h"

#include "source/builtin.h"
#include "source/source.h"

#include <string.h>

const char *gt_builtin_text(const char *name)
{
	for (int i = 0; gt_builtins[i].name; i++)
		if (!strcmp(gt_builtins[i].name, name))
			return gt_builtins[i].text;
	return NULL;
}

const char *gt_builtin_name(int i)
{
	for (int j = 0; gt_builtins[j].name; j++)
		if (j == i)
			return gt_builtins[j].name;
	return NULL;
}
