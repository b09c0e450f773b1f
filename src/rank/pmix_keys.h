/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pmix_keys.h - put a step's facts into the PMIx server that slurmstepd runs.
 *
 * slurmstepd opens libpmix for all to see when a step has --mpi=pmix, so the one function
 * that is needed is looked up at run time: no link, no header, and nothing where the MPI
 * type is another. The types below are those of the PMIx ABI (versions 3 to 5 of
 * OpenPMIx have the same); src/pmix/server.c holds them against pmix_common.h where
 * that is installed.
 */
#ifndef GPUTOPO_RANK_PMIX_KEYS_H
#define GPUTOPO_RANK_PMIX_KEYS_H

#include "rank/rank_facts.h"

#define GP_PMIX_NSPACE_SIZE   256
#define GP_PMIX_RANK_WILDCARD (UINT32_MAX - 1)
#define GP_PMIX_STRING	      3
#define GP_PMIX_FLOAT	      16
#define GP_PMIX_DATA_ARRAY    39

/* Which ways a client has to its server's data, best first: "ds21,ds12,hash". */
#define GP_PMIX_STORES "PMIX_GDS_MODULE"

struct gp_pmix_proc {
	char nspace[GP_PMIX_NSPACE_SIZE];
	uint32_t rank;
};

struct gp_pmix_array {
	uint16_t type;
	size_t size;
	void *array;
};

struct gp_pmix_value {
	uint16_t type;
	union {
		char *string;
		float fval;
		struct gp_pmix_array *darray;
		struct {
			void *room[3];
		} largest;
	} data;
};

typedef int gp_pmix_store_fn(const struct gp_pmix_proc *proc, const char *key,
			     struct gp_pmix_value *value);

/* PMIx_Store_internal of a libpmix that we know, or NULL. */
gp_pmix_store_fn *gp_pmix_find(void);
/* A fact as a PMIx value; it borrows from fact, array is the caller's storage. */
void gp_pmix_value(enum gp_fact_id id, struct gp_fact *fact, struct gp_pmix_array *array,
		   struct gp_pmix_value *value);
/* Store the node's facts for all ranks of the namespace. Returns how many were stored. */
int gp_pmix_store_node(gp_pmix_store_fn *store, const struct gp_facts *facts,
		       const char *nspace);
/* And those of one task, under its rank. */
int gp_pmix_store_task(gp_pmix_store_fn *store, const struct gp_facts *facts,
		       const struct gt_node *node, const int *gpu, int count,
		       const char *nspace, uint32_t rank);

#endif
