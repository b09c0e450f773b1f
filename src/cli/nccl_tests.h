/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nccl_tests.h - what all_reduce_perf and alltoall_perf of nccl-tests (and rccl-tests)
 * print, for `gputopo measure`. */
#ifndef NCCL_TESTS_H
#define NCCL_TESTS_H

#include "core/library.h"

/* One run: a text of nccl-tests. */
struct nccl_run {
	int gpus;		 /* ranks it names */
	int device[GT_MAX_GPUS]; /* CUDA's number, by rank */
	int bus[GT_MAX_GPUS];	 /* PCI bus, by rank; GT_UNKNOWN: not named */
	char host[64];		 /* of rank 0 */
	bool hosts_differ;	 /* some rank ran elsewhere */
	bool comm_known;
	enum gt_comm comm;
	int busbw_mbps; /* the largest out-of-place bus bandwidth of all sizes */
	int64_t bytes;	/* the size where it was reached */
	int line;	/* the line that says so */
};

/* Read a run. GT_EPARSE with the line: a table that is none of nccl-tests', wrong results
 * (its column #wrong), or another test than the two; GT_EFORMAT: no bandwidth at all. */
enum gt_err nccl_run_parse(struct nccl_run *run, const char *text, size_t size,
			   const char *file, struct gt_error *err);
/* The same from a file; - is standard input. At most GT_MAX_TEXT bytes. */
enum gt_err nccl_run_load(struct nccl_run *run, const char *file, struct gt_error *err);

#endif
