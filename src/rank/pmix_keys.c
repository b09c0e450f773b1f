/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pmix_keys.c - convert facts to PMIx values and store them. Called by pmix_relay.c.
 */
#include "config.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rank/pmix_keys.h"

#define OLDEST_PMIX 3
#define NEWEST_PMIX 5

/* "OpenPMIx 4.2.2 (PMIx Standard: ...". Another library may mean another thing by it. */
static bool is_known(const char *version)
{
	static const char name[] = "OpenPMIx ";
	int major;

	if (strncmp(version, name, sizeof(name) - 1) != 0)
		return false;
	major = atoi(version + sizeof(name) - 1);
	return major >= OLDEST_PMIX && major <= NEWEST_PMIX;
}

gp_pmix_store_fn *gp_pmix_find(void)
{
	gp_pmix_store_fn *store;
	const char *(*version)(void);
	void *at[2] = {dlsym(RTLD_DEFAULT, "PMIx_Store_internal"),
		       dlsym(RTLD_DEFAULT, "PMIx_Get_version")};

	if (!at[0] || !at[1])
		return NULL;
	/* ISO C has no way from an object pointer to a function; POSIX asks for this one
	 */
	memcpy(&store, &at[0], sizeof(store));
	memcpy(&version, &at[1], sizeof(version));
	return is_known(version()) ? store : NULL;
}

void gp_pmix_value(enum gp_fact_id id, struct gp_fact *fact, struct gp_pmix_array *array,
		   struct gp_pmix_value *value)
{
	memset(value, 0, sizeof(*value));
	switch (gp_fact_names[id].kind) {
	case GP_FACT_IS_TEXT:
		value->type = GP_PMIX_STRING;
		value->data.string = fact->text;
		break;
	case GP_FACT_IS_NUMBER:
		value->type = GP_PMIX_FLOAT;
		value->data.fval = fact->values[0];
		break;
	case GP_FACT_IS_MATRIX:
		*array = (struct gp_pmix_array){GP_PMIX_FLOAT, (size_t)fact->count,
						(void *)(uintptr_t)fact->values};
		value->type = GP_PMIX_DATA_ARRAY;
		value->data.darray = array;
		break;
	}
}

static bool store_one(gp_pmix_store_fn *store, const struct gp_pmix_proc *proc,
		      enum gp_fact_id id, struct gp_fact *fact)
{
	struct gp_pmix_array array;
	struct gp_pmix_value value;

	gp_pmix_value(id, fact, &array, &value);
	return store(proc, gp_fact_names[id].key, &value) == 0;
}

static void fill_proc(struct gp_pmix_proc *proc, const char *nspace, uint32_t rank)
{
	memset(proc, 0, sizeof(*proc));
	snprintf(proc->nspace, sizeof(proc->nspace), "%s", nspace);
	proc->rank = rank;
}

int gp_pmix_store_node(gp_pmix_store_fn *store, const struct gp_facts *facts,
		       const char *nspace)
{
	struct gp_pmix_proc proc;
	struct gp_fact fact;
	int stored = 0;

	fill_proc(&proc, nspace, GP_PMIX_RANK_WILDCARD);
	for (int id = 0; id < GP_NODE_FACTS; id++)
		if (gp_facts_get(facts, (enum gp_fact_id)id, &fact))
			stored += store_one(store, &proc, (enum gp_fact_id)id, &fact);
	return stored;
}

int gp_pmix_store_task(gp_pmix_store_fn *store, const struct gp_facts *facts,
		       const struct gt_node *node, const int *gpu, int count,
		       const char *nspace, uint32_t rank)
{
	struct gp_pmix_proc proc;
	struct gp_fact fact;
	int stored = 0;

	fill_proc(&proc, nspace, rank);
	for (int id = GP_NODE_FACTS; id < GP_FACTS; id++)
		if (gp_facts_of_task(facts, node, gpu, count, (enum gp_fact_id)id, &fact))
			stored += store_one(store, &proc, (enum gp_fact_id)id, &fact);
	return stored;
}
