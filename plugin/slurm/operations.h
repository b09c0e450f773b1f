/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * operations.h - the one table of the select plugin operations.
 *
 * GP_OPERATIONS(PLAIN, HOOK) expands one row an operation:
 *
 *   GP_<first>_<last>( PLAIN(return type, name, member, (prototype), (arguments)) )
 *
 * first and last are the Slurm releases that know select_p_<name>; member is its name in
 * slurm_select_ops_t. PLAIN operations are generated forwards; of a HOOK the forward is
 * written by hand in select_cons_tres.c, since gputopo has something to do there.
 */
#ifndef GPUTOPO_PLUGIN_SLURM_OPERATIONS_H
#define GPUTOPO_PLUGIN_SLURM_OPERATIONS_H

#include "plugin/slurm/compat.h"

#define GP_JOB_TEST_PROTO                                                                \
	(job_record_t * job, bitstr_t * nodes, uint32_t min_nodes, uint32_t max_nodes,   \
	 uint32_t req_nodes, uint16_t mode, gp_list_t candidates,                        \
	 gp_list_t * preemptees, GP_TAIL_PROTO)
#define GP_JOB_TEST_ARGS                                                                 \
	(job, nodes, min_nodes, max_nodes, req_nodes, mode, candidates, preemptees,      \
	 GP_TAIL_ARGS)

/* clang-format off */
#define GP_OPERATIONS(PLAIN, HOOK)                                                      \
GP_2205_2411(PLAIN(int, state_save, state_save, (char *dir), (dir)))                    \
GP_2205_2411(PLAIN(int, state_restore, state_restore, (char *dir), (dir)))              \
GP_2205_2411(PLAIN(int, job_init, job_init, (gp_list_t jobs), (jobs)))                  \
GP_2205_2605(HOOK(int, node_init, node_init, (void), ()))                               \
GP_2205_2605(HOOK(int, job_test, job_test, GP_JOB_TEST_PROTO, GP_JOB_TEST_ARGS))        \
GP_2205_2605(HOOK(int, job_begin, job_begin, (job_record_t *job), (job)))               \
GP_2205_2605(PLAIN(int, job_ready, job_ready, (job_record_t *job), (job)))              \
GP_2205_2605(PLAIN(int, job_expand, job_expand,                                         \
	(job_record_t *from, job_record_t *to), (from, to))) \
GP_2205_2605(HOOK(int, job_resized, job_resized,                                        \
	(job_record_t *job, node_record_t *node), (job, node))) \
GP_2205_2205(PLAIN(int, job_signal, job_signal, (job_record_t *job, int signo),         \
	(job, signo))) \
GP_2605_2605(PLAIN(void, job_mem_reduce, job_mem_reduce, (job_record_t *job), (job)))   \
GP_2205_2605(HOOK(int, job_fini, job_fini, (job_record_t *job), (job)))                 \
GP_2205_2605(PLAIN(int, job_suspend, job_suspend,                                       \
	(job_record_t *job, bool indefinitely), (job, indefinitely))) \
GP_2205_2605(PLAIN(int, job_resume, job_resume,                                         \
	(job_record_t *job, bool indefinitely), (job, indefinitely))) \
GP_2205_2411(PLAIN(bitstr_t *, step_pick_nodes, step_pick_nodes,                        \
	(job_record_t *job, select_jobinfo_t *jobinfo, uint32_t count, \
	 bitstr_t **avail), (job, jobinfo, count, avail))) \
GP_2205_2411(HOOK(int, step_start, step_start, (step_record_t *step), (step)))          \
GP_2205_2411(PLAIN(int, step_finish, step_finish,                                       \
	(step_record_t *step, bool killing), (step, killing))) \
GP_2205_2411(PLAIN(int, select_nodeinfo_pack, nodeinfo_pack,                            \
	(select_nodeinfo_t *info, buf_t *buffer, uint16_t protocol), \
	(info, buffer, protocol))) \
GP_2205_2411(PLAIN(int, select_nodeinfo_unpack, nodeinfo_unpack,                        \
	(select_nodeinfo_t **info, buf_t *buffer, uint16_t protocol), \
	(info, buffer, protocol))) \
GP_2205_2411(PLAIN(select_nodeinfo_t *, select_nodeinfo_alloc, nodeinfo_alloc,          \
	(void), ())) \
GP_2205_2411(PLAIN(int, select_nodeinfo_free, nodeinfo_free,                            \
	(select_nodeinfo_t *info), (info))) \
GP_2205_2605(PLAIN(int, select_nodeinfo_set_all, nodeinfo_set_all, (void), ()))         \
GP_2205_2605(HOOK(int, select_nodeinfo_set, nodeinfo_set, (job_record_t *job), (job)))  \
GP_2205_2411(PLAIN(int, select_nodeinfo_get, nodeinfo_get,                              \
	(select_nodeinfo_t *info, enum select_nodedata_type type, enum node_states state, \
	 void *data), (info, type, state, data))) \
GP_2205_2411(PLAIN(select_jobinfo_t *, select_jobinfo_alloc, jobinfo_alloc, (void), ()))\
GP_2205_2411(PLAIN(int, select_jobinfo_free, jobinfo_free,                              \
	(select_jobinfo_t *info), (info))) \
GP_2205_2411(PLAIN(int, select_jobinfo_set, jobinfo_set,                                \
	(select_jobinfo_t *info, enum select_jobdata_type type, void *data), \
	(info, type, data))) \
GP_2205_2411(PLAIN(int, select_jobinfo_get, jobinfo_get,                                \
	(select_jobinfo_t *info, enum select_jobdata_type type, void *data), \
	(info, type, data))) \
GP_2205_2411(PLAIN(select_jobinfo_t *, select_jobinfo_copy, jobinfo_copy,               \
	(select_jobinfo_t *info), (info))) \
GP_2205_2411(PLAIN(int, select_jobinfo_pack, jobinfo_pack,                              \
	(select_jobinfo_t *info, buf_t *buffer, uint16_t protocol), \
	(info, buffer, protocol))) \
GP_2205_2411(PLAIN(int, select_jobinfo_unpack, jobinfo_unpack,                          \
	(select_jobinfo_t **info, buf_t *buffer, uint16_t protocol), \
	(info, buffer, protocol))) \
GP_2205_2205(PLAIN(char *, select_jobinfo_sprint, jobinfo_sprint,                       \
	(select_jobinfo_t *info, char *buf, size_t size, int mode), \
	(info, buf, size, mode))) \
GP_2205_2205(PLAIN(char *, select_jobinfo_xstrdup, jobinfo_xstrdup,                     \
	(select_jobinfo_t *info, int mode), (info, mode))) \
GP_2205_2411(PLAIN(int, get_info_from_plugin, get_info_from_plugin,                     \
	(enum select_plugindata_info type, job_record_t *job, void *data), \
	(type, job, data))) \
GP_2205_2205(PLAIN(int, update_node_config, update_node_config, (int index), (index)))  \
GP_2205_2605(HOOK(int, reconfigure, reconfigure, (void), ()))                           \
GP_2205_2302(PLAIN(bitstr_t *, resv_test, resv_test,                                    \
	(resv_desc_msg_t *desc, uint32_t count, bitstr_t *avail, bitstr_t **cores), \
	(desc, count, avail, cores)))
/* clang-format on */

/* The stock plugin's functions, by the same names. */
#define GP_OP_POINTER(ret, name, member, proto, args) ret(*name) proto;
struct gp_stock_plugin {
	void *handle;
	char path[4096];
	GP_OPERATIONS(GP_OP_POINTER, GP_OP_POINTER)
};
#undef GP_OP_POINTER

#endif
