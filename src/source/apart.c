/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading in a process of its own. libhwloc 2.9 takes an XML file at its word: an object
 * without a nodeset is a null pointer to it. The child sends its model as a node file.
 */
#include "config.h"

#include "source/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY_MAX (1L << 30)
#define ANSWER_MAX ((size_t)GT_MAX_TEXT * 4)

/* What the child says first; size bytes of a node file follow. */
struct answer {
	enum gt_err code;
	struct gt_error err;
	size_t size;
};

/* ---- the child ---- */

/* Sanitizers reserve more address space than any limit would leave. */
static void limit_memory(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(GT_NO_MEMORY_LIMIT)
	struct rlimit memory = {MEMORY_MAX, MEMORY_MAX};

	setrlimit(RLIMIT_AS, &memory);
#endif
}

static void keep_quiet(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM};
	struct rlimit no_core = {0, 0};
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_DFL);
	setrlimit(RLIMIT_CORE, &no_core);
	if (null >= 0)
		dup2(null, STDERR_FILENO);
	limit_memory();
	alarm(GT_APART_SECONDS);
}

static void send_all(int to, const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t sent = write(to, at, size);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			_exit(1);
		at += sent;
		size -= (size_t)sent;
	}
}

static enum gt_err make_text(struct gt_source *src, struct gt_node *node, char **text,
			     struct gt_error *err)
{
	enum gt_err rc;

	if (src->infer_fabric)
		gt_node_infer_fabric(node);
	rc = gt_node_finish(node, err);
	return rc ? rc : gt_node_write(node, text, err);
}

__attribute__((noreturn)) static void
answer_and_exit(int to, struct gt_source *src,
		enum gt_err (*reader)(struct gt_source *src, struct gt_node **node,
				      struct gt_error *err))
{
	struct answer answer;
	struct gt_node *node = NULL;
	char *text = NULL;

	memset(&answer, 0, sizeof(answer));
	keep_quiet();
	answer.code = reader(src, &node, &answer.err);
	if (answer.code == GT_OK)
		answer.code = make_text(src, node, &text, &answer.err);
	answer.size = text ? strlen(text) : 0;
	send_all(to, &answer, sizeof(answer));
	send_all(to, text, answer.size);
	_exit(0);
}

/* ---- the parent ---- */

static bool receive_all(int from, void *data, size_t size)
{
	char *at = data;

	while (size) {
		ssize_t got = read(from, at, size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		size -= (size_t)got;
	}
	return true;
}

static enum gt_err receive(int from, struct gt_source *src, struct gt_node **node,
			   const char *library, struct gt_error *err)
{
	struct gt_source answered = {.file = src->file};
	struct answer answer;
	enum gt_err rc = GT_EPARSE;
	char *text;

	if (!receive_all(from, &answer, sizeof(answer)) || answer.size > ANSWER_MAX)
		return gt_fail_src(src, err, GT_EPARSE, 0, "%s cannot read this",
				   library);
	if (answer.code != GT_OK) {
		if (err)
			*err = answer.err;
		return answer.code;
	}
	text = malloc(answer.size + 1);
	if (!text)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	answered.text = text;
	answered.size = answer.size;
	if (receive_all(from, text, answer.size))
		rc = gt_format_json.read(&answered, node, err);
	else
		gt_fail_src(src, err, GT_EPARSE, 0, "%s cannot read this", library);
	free(text);
	return rc;
}

enum gt_err gt_read_apart(struct gt_source *src, struct gt_node **node,
			  enum gt_err (*reader)(struct gt_source *src,
						struct gt_node **node,
						struct gt_error *err),
			  const char *library, struct gt_error *err)
{
	int ends[2], status;
	enum gt_err rc;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return gt_fail(err, GT_EIO, "no pipe: %s", strerror(errno));
	child = fork();
	if (child == 0) {
		close(ends[0]);
		answer_and_exit(ends[1], src, reader);
	}
	close(ends[1]);
	if (child < 0)
		rc = gt_fail(err, GT_EIO, "no process: %s", strerror(errno));
	else
		rc = receive(ends[0], src, node, library, err);
	close(ends[0]);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	/* what was inferred is in the model already */
	src->infer_fabric = false;
	return rc;
}
