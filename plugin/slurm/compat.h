/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compat.h - Slurm's headers, and every difference between its releases that we meet.
 *
 * No other file of the project tests SLURM_VERSION_NUMBER but node/mig/slurm_api.h.
 * Included first everywhere that Slurm's structs are seen: slurm_xlator.h renames error()
 * and friends before glibc's.
 */
#ifndef GPUTOPO_PLUGIN_SLURM_COMPAT_H
#define GPUTOPO_PLUGIN_SLURM_COMPAT_H

#include <stdbool.h>
#include <stdint.h>

#include "slurm/slurm_version.h"
#include "src/common/slurm_xlator.h"

#define GP_SINCE(major, minor)                                                           \
	(SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(major, minor, 0))

#if GP_SINCE(23, 2)
#include "src/interfaces/gres.h"
#include "src/interfaces/select.h"
#include "src/interfaces/topology.h"
#else
#include "src/common/gres.h"
#include "src/common/select.h"
#include "src/common/slurm_topology.h"
#endif
#include "src/common/list.h"
#include "src/common/node_conf.h"
#include "src/common/run_in_daemon.h"
#include "src/common/xmalloc.h"
#include "src/common/xstring.h"
#include "src/slurmctld/slurmctld.h"
#if __has_include("src/common/node_features.h")
#include "src/common/node_features.h" /* node_feature_t, once in slurmctld.h */
#endif
/* slurm_select_ops_t where select.h doesn't have it; see tools/slurm-headers. */
#include "select_ops.h"
#include "plugin/slurm/opaque.h"

/* Data of slurmctld alone: weak, so that srun and the others can load the file too. */
#pragma weak node_record_table_ptr
#pragma weak node_record_count
#pragma weak job_list

/* The arguments of job_test behind preemptee_job_list: prototype, call, struct members.
 */
#if GP_SINCE(24, 11)
#define GP_TAIL_COUNT 2
#define GP_TAIL_PROTO resv_exc_t *resv_exc, will_run_data_t *will_run
#define GP_TAIL_ARGS  resv_exc, will_run
#define GP_TAIL_FIELDS                                                                   \
	resv_exc_t *resv_exc;                                                            \
	will_run_data_t *will_run;
#define GP_TAIL_INIT  .resv_exc = resv_exc, .will_run = will_run
#define GP_TAIL_OF(t) (t)->resv_exc, (t)->will_run
#elif GP_SINCE(23, 11)
#define GP_TAIL_COUNT  1
#define GP_TAIL_PROTO  resv_exc_t *resv_exc
#define GP_TAIL_ARGS   resv_exc
#define GP_TAIL_FIELDS resv_exc_t *resv_exc;
#define GP_TAIL_INIT   .resv_exc = resv_exc
#define GP_TAIL_OF(t)  (t)->resv_exc
#else
#define GP_TAIL_COUNT  1
#define GP_TAIL_PROTO  bitstr_t *exc_cores
#define GP_TAIL_ARGS   exc_cores
#define GP_TAIL_FIELDS bitstr_t *exc_cores;
#define GP_TAIL_INIT   .exc_cores = exc_cores
#define GP_TAIL_OF(t)  (t)->exc_cores
#endif

/* Rows of operations.h by their first and last release. */
#define GP_2205_2605(row) row
#if GP_SINCE(23, 2)
#define GP_2205_2205(row)
#else
#define GP_2205_2205(row) row
#define GP_UNTIL_2205
#endif
#if GP_SINCE(23, 11)
#define GP_2205_2302(row)
#else
#define GP_2205_2302(row) row
#define GP_UNTIL_2302
#endif
#if GP_SINCE(25, 5)
#define GP_2205_2411(row)
#else
#define GP_2205_2411(row) row
#define GP_UNTIL_2411
#endif
#if GP_SINCE(26, 5)
#define GP_2605_2605(row) row
#define GP_SINCE_2605
#else
#define GP_2605_2605(row)
#endif

/* Hold a signature of ours against Slurm's. */
#define GP_OPS_CHECK(symbol, member)                                                     \
	_Static_assert(__builtin_types_compatible_p(                                     \
			       __typeof__(&select_p_##symbol),                           \
			       __typeof__(((slurm_select_ops_t *)0)->member)),           \
		       "select_p_" #symbol " differs from this Slurm's " #member);

/* running_in_slurmctld is a macro over run_in_daemon from 25.05 on. */
#if GP_SINCE(25, 5)
#define GP_RUN_IN_DAEMON
#endif

/* The forecast of WILL_RUN beside job->start_time. */
#if GP_SINCE(24, 11)
#define GP_FORECAST(test, when)                                                          \
	do {                                                                             \
		if ((test)->will_run && (test)->will_run->start < (when))                \
			(test)->will_run->start = (when);                                \
	} while (0)
#else
#define GP_FORECAST(test, when) (void)(when)
#endif

/* fini returns nothing from 25.11 on. */
#if GP_SINCE(25, 11)
#define GP_FINI_TYPE   void
#define GP_FINI_RETURN return
#else
#define GP_FINI_TYPE   int
#define GP_FINI_RETURN return SLURM_SUCCESS
#endif

/* The last argument of job_modify. */
#if GP_SINCE(23, 2)
#define GP_MODIFY_MORE	    , char **err_msg
#define GP_MODIFY_SAY(text) say(err_msg, text)
#else
#define GP_MODIFY_MORE
#define GP_MODIFY_SAY(text) info("%s", text)
#endif

/* Least loaded nodes first, for the whole cluster. */
#if GP_SINCE(25, 11)
#define GP_LLN SELECT_LLN
#else
#define GP_LLN CR_LLN
#endif

/* The job gets its nodes whole; by flags since MCS has one of its own (it was 3). */
#ifdef OLD_WHOLE_NODE_MCS
#define GP_IS_WHOLE(details) (((details)->whole_node & WHOLE_NODE_REQUIRED) != 0)
#else
#define GP_IS_WHOLE(details) ((details)->whole_node == WHOLE_NODE_REQUIRED)
#endif

/* What shares this node's GPUs (mps, shard), or NULL. */
#if GP_SINCE(23, 11)
#define GP_SHARED_WITH(gres_ns)                                                          \
	((gres_ns)->alt_gres ? (gres_node_state_t *)(gres_ns)->alt_gres->gres_data : NULL)
#else
#define GP_SHARED_WITH(gres_ns) ((gres_ns)->alt_gres_ns)
#endif

/* GPUs of reservations: those that the job must not take, or the only ones that it may;
 * lists of gres_state_t as jobs have them, or NULL. */
#if GP_SINCE(23, 11)
#define GP_RESERVED(test) ((test)->resv_exc ? (test)->resv_exc->gres_list_exc : NULL)
#define GP_GRANTED(test)  ((test)->resv_exc ? (test)->resv_exc->gres_list_inc : NULL)
#else
#define GP_RESERVED(test) NULL
#define GP_GRANTED(test)  NULL
#endif

/* Whether the partition's network is another than the cluster's default one. */
#if GP_SINCE(25, 5)
#define GP_HAS_TOPOLOGY(job) ((job)->part_ptr && (job)->part_ptr->topology_idx != 0)
#else
#define GP_HAS_TOPOLOGY(job) ((void)(job), false)
#endif

/* The place of a node in the network, as text: slurmctld's alone, so weak. */
#if GP_SINCE(23, 11)
#define GP_NODE_ADDRESS topology_g_get_node_addr
#pragma weak topology_g_get_node_addr
#else
#define GP_NODE_ADDRESS slurm_topo_get_node_addr
#pragma weak slurm_topo_get_node_addr
#endif

/* --segment and its kind, and --exclusive=topo: which nodes together is Slurm's to say.
 */
#if GP_SINCE(24, 5)
#define GP_SEGMENT(job) ((job)->details->segment_size != 0)
#else
#define GP_SEGMENT(job) ((void)(job), false)
#endif
#if GP_SINCE(25, 11)
#define GP_SEGMENT_FLAGS (SPREAD_SEGMENTS | CONSOLIDATE_SEGMENTS)
#else
#define GP_SEGMENT_FLAGS 0
#endif
/* Whether slurmctld makes the steps of the job, by way of its select plugin. */
#if GP_SINCE(25, 5)
#define GP_SEES_STEPS(job) ((void)(job), false)
#elif defined(STEPMGR_ENABLED)
#define GP_SEES_STEPS(job) (!((job)->bit_flags & STEPMGR_ENABLED))
#else
#define GP_SEES_STEPS(job) ((void)(job), true)
#endif
#ifdef IS_JOB_WHOLE_TOPO
#define GP_WHOLE_TOPO(job) IS_JOB_WHOLE_TOPO(job)
#else
#define GP_WHOLE_TOPO(job) ((void)(job), false)
#endif

/* Says that max_nodes is the number of tasks of a -n without -N, not a limit of the
 * user's. */
#if GP_SINCE(26, 5)
#define GP_IMPLICIT_MAX_NODES JOB_IMPLICIT_MAX_NODES
#else
#define GP_IMPLICIT_MAX_NODES 0
#endif

/* How a TRES string of a job description names generic resources. */
#if GP_SINCE(23, 11)
#define GP_TRES_GRES "gres/"
#else
#define GP_TRES_GRES "gres:"
#endif

#endif
