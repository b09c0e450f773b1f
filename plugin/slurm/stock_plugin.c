/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stock_plugin.c - find, load and check the stock select_cons_tres.so behind ours in
 * PluginDir. Called by init() of select_cons_tres.c.
 */
#include "plugin/slurm/compat.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/slurm/stock_plugin.h"

#define SO_NAME "select_cons_tres.so"

/* Every gputopo select plugin exports this; it keeps two copies in PluginDir from loading
 * each other in a circle. */
extern const char gputopo_plugin[];

static const struct {
	const char *symbol;
	size_t offset;
} operations[] = {
#define GP_OP_ROW(ret, name, member, proto, args)                                        \
	{"select_p_" #name, offsetof(struct gp_stock_plugin, name)},
	GP_OPERATIONS(GP_OP_ROW, GP_OP_ROW)
#undef GP_OP_ROW
};

static bool is_this_file(const char *path)
{
	char ours[PATH_MAX], theirs[PATH_MAX];
	Dl_info info;

	return dladdr(gputopo_plugin, &info) && realpath(info.dli_fname, ours) &&
	       realpath(path, theirs) && strcmp(ours, theirs) == 0;
}

/* NULL if the loaded file may stand in for us, else what is wrong with it. */
static const char *what_is_wrong(void *handle)
{
	const char *type = dlsym(handle, "plugin_type");
	const uint32_t *version = dlsym(handle, "plugin_version");

	if (dlsym(handle, "gputopo_plugin"))
		return "is another gputopo";
	if (!type || strcmp(type, "select/cons_tres") != 0)
		return "is not a select/cons_tres plugin";
	if (!version || *version != SLURM_VERSION_NUMBER)
		return "is for another Slurm release than this gputopo";
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (!dlsym(handle, operations[i].symbol))
			return "lacks an operation of this Slurm release";
	return NULL;
}

static void resolve(struct gp_stock_plugin *stock_plugin)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		void *symbol = dlsym(stock_plugin->handle, operations[i].symbol);

		/* ISO C has no cast from void * to a function; POSIX gives it this way.
		 */
		memcpy((char *)stock_plugin + operations[i].offset, &symbol,
		       sizeof(symbol));
	}
}

/* Try one file; false keeps the walk going, with the reason in why where it was ours to
 * look at. */
static bool try_file(struct gp_stock_plugin *stock_plugin, const char *path, char *why,
		     size_t size)
{
	const char *wrong;
	void *handle;

	if (access(path, F_OK) != 0 || is_this_file(path))
		return false;
	handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
	if (!handle) {
		snprintf(why, size, "%s", dlerror());
		return false;
	}
	wrong = what_is_wrong(handle);
	if (wrong) {
		snprintf(why, size, "%s %s", path, wrong);
		dlclose(handle);
		return false;
	}
	stock_plugin->handle = handle;
	snprintf(stock_plugin->path, sizeof(stock_plugin->path), "%s", path);
	resolve(stock_plugin);
	return true;
}

bool gp_stock_plugin_open(struct gp_stock_plugin *stock_plugin, const char *plugin_dirs,
			  char *why, size_t size)
{
	const char *dir = plugin_dirs ? plugin_dirs : "";

	memset(stock_plugin, 0, sizeof(*stock_plugin));
	snprintf(why, size, "PluginDir has no other %s", SO_NAME);
	for (;;) {
		size_t len = strcspn(dir, ":");
		char path[PATH_MAX];
		int n = snprintf(path, sizeof(path), "%.*s/" SO_NAME, (int)len, dir);

		if (len > 0 && n > 0 && (size_t)n < sizeof(path) &&
		    try_file(stock_plugin, path, why, size))
			return true;
		if (dir[len] == '\0')
			return false;
		dir += len + 1;
	}
}

int gp_stock_plugin_init(const struct gp_stock_plugin *stock_plugin)
{
	int (*stock_init)(void);
	void *symbol = dlsym(stock_plugin->handle, "init");

	if (!symbol)
		return SLURM_SUCCESS;
	memcpy(&stock_init, &symbol, sizeof(symbol));
	return stock_init();
}

void gp_stock_plugin_close(struct gp_stock_plugin *stock_plugin)
{
	GP_FINI_TYPE (*stock_fini)(void);
	void *symbol;

	if (!stock_plugin->handle)
		return;
	symbol = dlsym(stock_plugin->handle, "fini");
	if (symbol) {
		memcpy(&stock_fini, &symbol, sizeof(symbol));
		(void)stock_fini();
	}
	dlclose(stock_plugin->handle);
	memset(stock_plugin, 0, sizeof(*stock_plugin));
}
