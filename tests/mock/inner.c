/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inner.c - a stock select_cons_tres.so for the tests: every operation writes down its
 * name and arguments and returns what the test wants. Written by hand, one line an
 * operation, so that a mistake in plugin/slurm/operations.h is not repeated here.
 */
#include "plugin/slurm/compat.h"

#include <stdarg.h>
#include <string.h>

#include "tests/mock/mock.h"

extern const char plugin_name[];
extern const char plugin_type[];
extern const uint32_t plugin_id;
extern const uint32_t plugin_version;
int init(void);
GP_FINI_TYPE fini(void);
#define DECLARE(ret, name, member, proto, args) ret select_p_##name proto;
GP_OPERATIONS(DECLARE, DECLARE)

const char plugin_name[] = "recording plugin";
const char plugin_type[] = "select/cons_tres";
const uint32_t plugin_id = 109;
#ifndef MOCK_RELEASE
#define MOCK_RELEASE SLURM_VERSION_NUMBER
#endif
const uint32_t plugin_version = MOCK_RELEASE;

static uintptr_t record(const char *name, int count, ...)
{
	va_list args;

	va_start(args, count);
	for (int i = 0; i < count; i++)
		mock_inner.arg[i] = va_arg(args, uintptr_t);
	va_end(args);
	mock_inner.name = name;
	mock_inner.args = count;
	mock_inner.calls++;
	return mock_inner.answer;
}

#define A(x) ((uintptr_t)(x))

int init(void)
{
	mock_inner.inits++;
	return mock_inner.init_answer;
}

GP_FINI_TYPE fini(void)
{
	mock_inner.finis++;
	GP_FINI_RETURN;
}

int select_p_node_init(void)
{
	return (int)record("node_init", 0);
}

int select_p_job_test GP_JOB_TEST_PROTO
{
	void *tail[] = {GP_TAIL_ARGS};
	uintptr_t answer;

	if (mock_inner.job_test)
		return mock_inner.job_test GP_JOB_TEST_ARGS;
	answer = record("job_test", 8, A(job), A(nodes), A(min_nodes), A(max_nodes),
			A(req_nodes), A(mode), A(candidates), A(preemptees));
	for (int i = 0; i < GP_TAIL_COUNT; i++)
		mock_inner.arg[mock_inner.args++] = A(tail[i]);
	return (int)answer;
}

int select_p_job_begin(job_record_t *a)
{
	return (int)record("job_begin", 1, A(a));
}

int select_p_job_ready(job_record_t *a)
{
	return (int)record("job_ready", 1, A(a));
}

int select_p_job_expand(job_record_t *a, job_record_t *b)
{
	return (int)record("job_expand", 2, A(a), A(b));
}

int select_p_job_resized(job_record_t *a, node_record_t *b)
{
	return (int)record("job_resized", 2, A(a), A(b));
}

int select_p_job_fini(job_record_t *a)
{
	return (int)record("job_fini", 1, A(a));
}

int select_p_job_suspend(job_record_t *a, bool b)
{
	return (int)record("job_suspend", 2, A(a), A(b));
}

int select_p_job_resume(job_record_t *a, bool b)
{
	return (int)record("job_resume", 2, A(a), A(b));
}

int select_p_select_nodeinfo_set_all(void)
{
	return (int)record("select_nodeinfo_set_all", 0);
}

int select_p_select_nodeinfo_set(job_record_t *a)
{
	if (mock_inner.nodeinfo_set)
		return mock_inner.nodeinfo_set(a);
	return (int)record("select_nodeinfo_set", 1, A(a));
}

int select_p_reconfigure(void)
{
	return (int)record("reconfigure", 0);
}

#ifdef GP_UNTIL_2411
int select_p_state_save(char *a)
{
	return (int)record("state_save", 1, A(a));
}

int select_p_state_restore(char *a)
{
	return (int)record("state_restore", 1, A(a));
}

int select_p_job_init(gp_list_t a)
{
	return (int)record("job_init", 1, A(a));
}

bitstr_t *select_p_step_pick_nodes(job_record_t *a, select_jobinfo_t *b, uint32_t c,
				   bitstr_t **d)
{
	return (bitstr_t *)record("step_pick_nodes", 4, A(a), A(b), A(c), A(d));
}

int select_p_step_start(step_record_t *a)
{
	return (int)record("step_start", 1, A(a));
}

int select_p_step_finish(step_record_t *a, bool b)
{
	return (int)record("step_finish", 2, A(a), A(b));
}

int select_p_select_nodeinfo_pack(select_nodeinfo_t *a, buf_t *b, uint16_t c)
{
	return (int)record("select_nodeinfo_pack", 3, A(a), A(b), A(c));
}

int select_p_select_nodeinfo_unpack(select_nodeinfo_t **a, buf_t *b, uint16_t c)
{
	return (int)record("select_nodeinfo_unpack", 3, A(a), A(b), A(c));
}

select_nodeinfo_t *select_p_select_nodeinfo_alloc(void)
{
	return (select_nodeinfo_t *)record("select_nodeinfo_alloc", 0);
}

int select_p_select_nodeinfo_free(select_nodeinfo_t *a)
{
	return (int)record("select_nodeinfo_free", 1, A(a));
}

int select_p_select_nodeinfo_get(select_nodeinfo_t *a, enum select_nodedata_type b,
				 enum node_states c, void *d)
{
	return (int)record("select_nodeinfo_get", 4, A(a), A(b), A(c), A(d));
}

select_jobinfo_t *select_p_select_jobinfo_alloc(void)
{
	return (select_jobinfo_t *)record("select_jobinfo_alloc", 0);
}

int select_p_select_jobinfo_free(select_jobinfo_t *a)
{
	return (int)record("select_jobinfo_free", 1, A(a));
}

int select_p_select_jobinfo_set(select_jobinfo_t *a, enum select_jobdata_type b, void *c)
{
	return (int)record("select_jobinfo_set", 3, A(a), A(b), A(c));
}

int select_p_select_jobinfo_get(select_jobinfo_t *a, enum select_jobdata_type b, void *c)
{
	return (int)record("select_jobinfo_get", 3, A(a), A(b), A(c));
}

select_jobinfo_t *select_p_select_jobinfo_copy(select_jobinfo_t *a)
{
	return (select_jobinfo_t *)record("select_jobinfo_copy", 1, A(a));
}

int select_p_select_jobinfo_pack(select_jobinfo_t *a, buf_t *b, uint16_t c)
{
	return (int)record("select_jobinfo_pack", 3, A(a), A(b), A(c));
}

int select_p_select_jobinfo_unpack(select_jobinfo_t **a, buf_t *b, uint16_t c)
{
	return (int)record("select_jobinfo_unpack", 3, A(a), A(b), A(c));
}

int select_p_get_info_from_plugin(enum select_plugindata_info a, job_record_t *b, void *c)
{
	return (int)record("get_info_from_plugin", 3, A(a), A(b), A(c));
}
#endif

#ifdef GP_UNTIL_2302
bitstr_t *select_p_resv_test(resv_desc_msg_t *a, uint32_t b, bitstr_t *c, bitstr_t **d)
{
	return (bitstr_t *)record("resv_test", 4, A(a), A(b), A(c), A(d));
}
#endif

#ifdef GP_UNTIL_2205
int select_p_job_signal(job_record_t *a, int b)
{
	return (int)record("job_signal", 2, A(a), A(b));
}

char *select_p_select_jobinfo_sprint(select_jobinfo_t *a, char *b, size_t c, int d)
{
	return (char *)record("select_jobinfo_sprint", 4, A(a), A(b), A(c), A(d));
}

char *select_p_select_jobinfo_xstrdup(select_jobinfo_t *a, int b)
{
	return (char *)record("select_jobinfo_xstrdup", 2, A(a), A(b));
}

int select_p_update_node_config(int a)
{
	return (int)record("update_node_config", 1, A(a));
}
#endif

#ifdef GP_SINCE_2605
void select_p_job_mem_reduce(job_record_t *a)
{
	(void)record("job_mem_reduce", 1, A(a));
}
#endif
