/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * object.c - load one of gputopo's own objects from the folder of the object that asks.
 */
#define _GNU_SOURCE /* dladdr */
#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "plugin/common/object.h"

static bool path_beside(const void *here, const char *file, char *path, size_t size)
{
	const char *slash;
	Dl_info info;
	int n;

	if (!dladdr(here, &info) || !info.dli_fname)
		return false;
	slash = strrchr(info.dli_fname, '/');
	n = snprintf(path, size, "%.*s%s", slash ? (int)(slash - info.dli_fname) + 1 : 0,
		     info.dli_fname, file);
	return n > 0 && (size_t)n < size;
}

const void *gp_object_open(const void *here, const char *file, const char *symbol,
			   void **handle, char *why, size_t size)
{
	const void *found;
	char path[PATH_MAX];

	if (!path_beside(here, file, path, sizeof(path))) {
		snprintf(why, size, "the folder of this plugin cannot be found");
		return NULL;
	}
	*handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
	if (!*handle) {
		snprintf(why, size, "%s", dlerror());
		return NULL;
	}
	found = dlsym(*handle, symbol);
	if (!found) {
		snprintf(why, size, "%s belongs to another build of gputopo", path);
		dlclose(*handle);
	}
	return found;
}
