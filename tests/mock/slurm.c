/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slurm.c - the Slurm functions that the plugin calls, written for the tests: logging
 * into memory, bit strings, lists, the job and node tables.
 */
#include "plugin/slurm/compat.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/hostlist.h"
#include "src/slurmctld/reservation.h"

#include "tests/mock/mock.h"

struct mock_inner mock_inner;
struct mock_slurm mock_slurm;

slurm_conf_t slurm_conf;
node_record_t **node_record_table_ptr;
int node_record_count;
gp_list_t job_list;
part_record_t *default_part_loc;
gp_list_t avail_feature_list;

/* ---- log ----------------------------------------------------------------------------
 */

static void add_line(const char *fmt, va_list args)
{
	int at = mock_slurm.lines++ % MOCK_MAX_LOG;

	vsnprintf(mock_slurm.log[at], sizeof(mock_slurm.log[at]), fmt, args);
}

void log_var(const log_level_t level, const char *fmt, ...)
{
	va_list args;

	(void)level;
	va_start(args, fmt);
	add_line(fmt, args);
	va_end(args);
}

int error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add_line(fmt, args);
	va_end(args);
	return SLURM_ERROR;
}

int get_log_level(void)
{
	return LOG_LEVEL_INFO;
}

bool mock_logged(const char *text)
{
	int count = mock_slurm.lines < MOCK_MAX_LOG ? mock_slurm.lines : MOCK_MAX_LOG;

	for (int i = 0; i < count; i++)
		if (strstr(mock_slurm.log[i], text))
			return true;
	return false;
}

void mock_log_clear(void)
{
	mock_slurm.lines = 0;
}

#ifdef GP_RUN_IN_DAEMON
bool run_in_daemon(uint32_t daemons)
{
	return mock_slurm.in_slurmctld && (daemons & IS_SLURMCTLD);
}
#else
bool running_in_slurmctld(void)
{
	return mock_slurm.in_slurmctld;
}
#endif

/* ---- network ---- */

int GP_NODE_ADDRESS(char *name, char **address, char **pattern)
{
	char text[128];
	int n = 0;

	while (n < node_record_count && strcmp(node_record_table_ptr[n]->name, name) != 0)
		n++;
	if (n == node_record_count)
		return SLURM_ERROR;
	snprintf(text, sizeof(text), "%s.%s",
		 mock_slurm.pattern && mock_slurm.unit[n] ? mock_slurm.unit[n] : "",
		 name);
	*address = mock_text(mock_slurm.pattern ? text : name);
	*pattern = mock_text(mock_slurm.pattern ? mock_slurm.pattern : "node");
	return SLURM_SUCCESS;
}

/* ---- memory ---------------------------------------------------------------------------
 */

/* As Slurm's: a mark and the size stand before what it gives out. */
enum { ALLOC_HEAD = 2, ALLOC_MARK = 0x42 };

static void *try_alloc(size_t size)
{
	size_t *head = calloc(1, ALLOC_HEAD * sizeof(*head) + size);

	if (!head)
		return NULL;
	head[0] = ALLOC_MARK;
	head[1] = size;
	return head + ALLOC_HEAD;
}

void *slurm_xcalloc(size_t count, size_t size, bool clear, bool try, const char *file,
		    int line, const char *function)
{
	(void)clear;
	(void)file;
	(void)line;
	(void)function;
	/* The plugin must not ask for memory in a way that ends slurmctld without. */
	if (!try)
		abort();
	return mock_slurm.no_memory ? NULL : try_alloc(count * size);
}

void *mock_alloc(size_t size)
{
	void *p = try_alloc(size);

	if (!p)
		abort();
	return p;
}

char *mock_text(const char *text)
{
	return strcpy(mock_alloc(strlen(text) + 1), text);
}

void slurm_xfree(void **p)
{
	size_t *head = *p ? (size_t *)*p - ALLOC_HEAD : NULL;

	if (head && head[0] != ALLOC_MARK)
		abort();
	free(head);
	*p = NULL;
}

void free_job_resources(job_resources_t **made)
{
	if (!*made)
		return;
	FREE_NULL_BITMAP((*made)->node_bitmap);
	FREE_NULL_BITMAP((*made)->core_bitmap);
	slurm_xfree((void **)made);
}

/* ---- bit strings: two words of head (a mark, the size), then the bits -----------------
 */

enum { HEAD = 2, MARK = 0x42434445 };

static int64_t words_of(int64_t bits)
{
	return (bits + 63) / 64;
}

static int64_t *word_of(bitstr_t *b, bitoff_t i)
{
	if (b[0] != MARK || i < 0 || i >= b[1]) {
		fprintf(stderr, "bit %ld of a string of %ld\n", (long)i, (long)b[1]);
		abort();
	}
	return &b[HEAD + i / 64];
}

bitstr_t *bit_alloc(bitoff_t nbits)
{
	bitstr_t *b = calloc((size_t)(HEAD + words_of(nbits)), sizeof(*b));

	if (!b)
		abort();
	b[0] = MARK;
	b[1] = nbits;
	return b;
}

void slurm_bit_free(bitstr_t **b)
{
	free(*b);
	*b = NULL;
}

bitoff_t bit_size(bitstr_t *b)
{
	return b[1];
}

int bit_test(bitstr_t *b, bitoff_t i)
{
	return (int)((uint64_t)*word_of(b, i) >> (i % 64) & 1);
}

void bit_set(bitstr_t *b, bitoff_t i)
{
	*word_of(b, i) |= (int64_t)((uint64_t)1 << (i % 64));
}

void bit_clear(bitstr_t *b, bitoff_t i)
{
	*word_of(b, i) &= (int64_t) ~((uint64_t)1 << (i % 64));
}

void bit_clear_all(bitstr_t *b)
{
	memset(b + HEAD, 0, (size_t)words_of(b[1]) * sizeof(*b));
}

bitoff_t bit_ffs(bitstr_t *b)
{
	for (bitoff_t i = 0; i < b[1]; i++)
		if (bit_test(b, i))
			return i;
	return -1;
}

bitoff_t bit_fls(bitstr_t *b)
{
	for (bitoff_t i = b[1] - 1; i >= 0; i--)
		if (bit_test(b, i))
			return i;
	return -1;
}

int32_t bit_set_count(bitstr_t *b)
{
	int32_t count = 0;

	for (bitoff_t i = 0; i < b[1]; i++)
		count += bit_test(b, i);
	return count;
}

int bit_equal(bitstr_t *a, bitstr_t *b)
{
	return a[1] == b[1] &&
	       memcmp(a + HEAD, b + HEAD, (size_t)words_of(a[1]) * sizeof(*a)) == 0;
}

void bit_copybits(bitstr_t *dest, bitstr_t *src)
{
	if (dest[1] != src[1])
		abort();
	memcpy(dest + HEAD, src + HEAD, (size_t)words_of(dest[1]) * sizeof(*dest));
}

/* ---- lists and tables ---------------------------------------------------------------
 */

int list_for_each(gp_list_t l, ListForF f, void *arg)
{
	for (int i = 0; i < l->count; i++)
		if (f(l->item[i], arg) < 0)
			return -(i + 1);
	return l->count;
}

struct xlist *mock_list_new(void)
{
	struct xlist *list = mock_alloc(sizeof(*list));

	list->magic = MOCK_LIST_MAGIC;
	return list;
}

void mock_list_add(struct xlist *list, void *item)
{
	if (list->count == (int)(sizeof(list->item) / sizeof(list->item[0])))
		abort();
	list->magic = MOCK_LIST_MAGIC;
	list->item[list->count++] = item;
}

job_record_t *find_job_record(uint32_t job_id)
{
	for (int i = 0; job_list && i < job_list->count; i++) {
		job_record_t *job = job_list->item[i];

		if (job->job_id == job_id)
			return job;
	}
	return NULL;
}

part_record_t *find_part_record(char *name)
{
	return default_part_loc && strcmp(default_part_loc->name, name) == 0
		       ? default_part_loc
		       : NULL;
}

node_record_t *find_node_record(char *name)
{
	for (int n = 0; n < node_record_count; n++)
		if (strcmp(node_record_table_ptr[n]->name, name) == 0)
			return node_record_table_ptr[n];
	return NULL;
}

slurmctld_resv_t *find_resv_name(char *name)
{
	return mock_slurm.reservation && strcmp(mock_slurm.reservation->name, name) == 0
		       ? mock_slurm.reservation
		       : NULL;
}

/* Names between commas; no ranges. */
struct names {
	char *text, *at;
};

struct hostlist *slurm_hostlist_create(const char *text)
{
	struct names *names = calloc(1, sizeof(*names));

	names->at = names->text = strdup(text);
	return (struct hostlist *)names;
}

char *slurm_hostlist_shift(struct hostlist *list)
{
	struct names *names = (struct names *)list;
	char *name = strsep(&names->at, ",");

	return name ? strdup(name) : NULL;
}

void slurm_hostlist_destroy(struct hostlist *list)
{
	struct names *names = (struct names *)list;

	free(names->text);
	free(names);
}

/* ---- our plugin ----------------------------------------------------------------------
 */

static bool resolve(void *handle, const char *name, void *to, size_t size)
{
	void *symbol = dlsym(handle, name);

	memcpy(to, &symbol, size);
	return symbol != NULL;
}

bool mock_load(struct mock_ours *ours, const char *dirs)
{
	return mock_load_from(ours, MOCK_OURS, dirs);
}

bool mock_load_from(struct mock_ours *ours, const char *folder, const char *dirs)
{
	char path[PATH_MAX];
	bool all = true;

	memset(ours, 0, sizeof(*ours));
	slurm_conf.plugindir = (char *)dirs;
	snprintf(path, sizeof(path), "%s/select_cons_tres.so", folder);
	ours->handle = dlopen(path, RTLD_LAZY);
	if (!ours->handle) {
		fprintf(stderr, "%s\n", dlerror());
		return false;
	}
	all &= resolve(ours->handle, "init", &ours->init, sizeof(ours->init));
	all &= resolve(ours->handle, "fini", &ours->fini, sizeof(ours->fini));
#define RESOLVE(ret, name, member, proto, args)                                          \
	all &= resolve(ours->handle, "select_p_" #name, &ours->name, sizeof(ours->name));
	GP_OPERATIONS(RESOLVE, RESOLVE)
#undef RESOLVE
	return all;
}

void mock_unload(struct mock_ours *ours)
{
	if (ours->handle)
		dlclose(ours->handle);
	memset(ours, 0, sizeof(*ours));
}
