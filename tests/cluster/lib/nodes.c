/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nodes: stand in for the slurmds of many nodes, for all that a scheduler needs of them.
 *
 *   nodes NODES@PORT...
 *
 * Each argument is a host list of nodes that are alike, on ports from PORT on:
 * "n[0-499]@10000". Their sizes and GPUs are read from slurm.conf and gres.conf. They
 * register, then a line "ready" is printed, then every message is answered with success,
 * the end of a job with its epilog's and a question for registration with one, until the
 * process is killed. Nothing is run.
 */
#include "plugin/slurm/compat.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "src/common/pack.h"
#include "src/common/read_config.h"
#include "src/common/slurm_protocol_api.h"
#include "src/common/slurm_protocol_defs.h"

#define GRES_ROOM (1 << 20)

/* What slurm.conf says of one node. */
struct sizes {
	slurm_node_registration_status_msg_t msg;
	char gres[256];
};

/* The value of " NAME=VALUE " in one line of scontrol. */
static const char *value(const char *line, const char *name, char *buf, size_t size)
{
	const char *at = strstr(line, name);

	buf[0] = '\0';
	if (at) {
		at += strlen(name);
		snprintf(buf, size, "%.*s", (int)strcspn(at, " (\n"), at);
	}
	return buf;
}

static int number(const char *line, const char *name)
{
	char buf[64];

	return atoi(value(line, name, buf, sizeof(buf)));
}

static void sizes_read(struct sizes *sizes, const char *node)
{
	char command[256], line[16384];
	FILE *f;

	memset(sizes, 0, sizeof(*sizes));
	snprintf(command, sizeof(command), "scontrol -o show node %s", node);
	f = popen(command, "r");
	if (!f || !fgets(line, sizeof(line), f) || !strstr(line, "CPUTot="))
		errx(1, "%s says nothing", command);
	pclose(f);
	sizes->msg.boards = 1;
	sizes->msg.cpus = (uint16_t)number(line, "CPUTot=");
	sizes->msg.sockets = (uint16_t)number(line, "Sockets=");
	sizes->msg.cores = (uint16_t)number(line, "CoresPerSocket=");
	sizes->msg.threads = (uint16_t)number(line, "ThreadsPerCore=");
	sizes->msg.real_memory = (uint64_t)number(line, "RealMemory=");
	value(line, " Gres=", sizes->gres, sizeof(sizes->gres));
}

/* The node's GPUs as its slurmd would describe them. */
static buf_t *gres_pack(const struct sizes *sizes, char *node)
{
	gp_list_t list = NULL;
	buf_t *buf = init_buf(GRES_ROOM);

	(void)gres_init_node_config((char *)sizes->gres, &list);
	if (gres_g_node_config_load(sizes->msg.cpus, node, list, NULL, NULL) ||
	    gres_node_config_pack(buf))
		errx(1, "%s: its gres.conf cannot be read", node);
	return buf;
}

/* All that is the same for nodes that are like this one. */
static void message_fill(struct sizes *sizes, char *node)
{
	static char version[32];

	snprintf(version, sizeof(version), "%d.%02d.%d", SLURM_VERSION_NUMBER >> 16,
		 SLURM_VERSION_NUMBER >> 8 & 0xff, SLURM_VERSION_NUMBER & 0xff);
	sizes_read(sizes, node);
	sizes->msg.gres_info = gres_pack(sizes, node);
	sizes->msg.version = version;
	sizes->msg.arch = (char *)"x86_64";
	sizes->msg.os = (char *)"Linux";
	sizes->msg.energy = xmalloc(sizeof(*sizes->msg.energy));
	sizes->msg.hash_val = NO_VAL;
	sizes->msg.slurmd_start_time = time(NULL);
	sizes->msg.up_time = 1000;
}

static void message_send(struct sizes *sizes, char *node)
{
	slurm_msg_t ask, answer;

	sizes->msg.node_name = node;
	sizes->msg.hostname = node;
	sizes->msg.timestamp = time(NULL);
	slurm_msg_t_init(&ask);
	slurm_msg_t_init(&answer);
	slurm_msg_set_r_uid(&ask, SLURM_AUTH_UID_ANY);
	ask.msg_type = MESSAGE_NODE_REGISTRATION_STATUS;
	ask.data = &sizes->msg;
	if (slurm_send_recv_controller_msg(&ask, &answer, NULL) < 0)
		warnx("%s: slurmctld does not answer", node);
	else
		slurm_free_msg_data(answer.msg_type, answer.data);
}

/* ---- the nodes' ports ---------------------------------------------------------------
 */

struct port {
	int fd;
	char *node;
	struct sizes *sizes;
};

static struct port *ports;
static int port_count;

static void port_open(int poll, char *node, int number)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)number)};
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)port_count};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	ports = xrealloc(ports, (size_t)(port_count + 1) * sizeof(*ports));
	ports[port_count++] = (struct port){fd, node, NULL};
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 64) ||
	    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event))
		err(1, "%s: port %d", node, number);
}

/* "n[0-499]@10000": open the ports, tell slurmctld. */
static void nodes_start(int poll, const char *spec)
{
	char *names = xstrdup(spec), *at = strchr(names, '@'), *node;
	__auto_type hosts = slurm_hostlist_create(NULL); /* of either type, by release */
	int number = at ? atoi(at + 1) : 0, first = port_count;
	struct sizes *sizes = xmalloc(sizeof(*sizes));

	if (number <= 0)
		errx(2, "%s is not NODES@PORT", spec);
	*at = '\0';
	slurm_hostlist_push(hosts, names);
	while ((node = slurm_hostlist_shift(hosts)))
		port_open(poll, node, number++);
	message_fill(sizes, ports[first].node);
	for (int i = first; i < port_count; i++) {
		ports[i].sizes = sizes;
		message_send(sizes, ports[i].node);
	}
	slurm_hostlist_destroy(hosts);
	xfree(names);
}

/* From 25.05 on a message has a connection around its file descriptor, and 25.11 calls
 * that member conn; there a job has the id of a step. */
#if GP_SINCE(25, 5)
#include "src/interfaces/conn.h"
#else
typedef struct {
	int input_fd, output_fd;
} conn_args_t;
#define conn_g_create(args)	   (args)->input_fd
#define conn_g_destroy(conn, both) close(conn)
#endif
#if GP_SINCE(25, 11)
#define MSG_CONN      conn
#define EPILOG_JOB_ID .step_id.job_id
#else
#if GP_SINCE(25, 5)
#define MSG_CONN tls_conn
#else
#define MSG_CONN conn_fd
#endif
#define EPILOG_JOB_ID .job_id
#endif

/* What slurmd says when it has cleaned up after a job. */
static void epilog_send(uint32_t job, char *node)
{
	epilog_complete_msg_t done = {EPILOG_JOB_ID = job, .node_name = node};
	slurm_msg_t msg;
	int rc;

	slurm_msg_t_init(&msg);
	slurm_msg_set_r_uid(&msg, SLURM_AUTH_UID_ANY);
	msg.msg_type = MESSAGE_EPILOG_COMPLETE;
	msg.data = &done;
	(void)slurm_send_recv_controller_rc_msg(&msg, &rc, NULL);
}

static void answer_one(const struct port *port)
{
	slurm_msg_t msg;
	uint32_t ended = 0;
	bool asked = false;
	int fd = accept4(port->fd, NULL, NULL, SOCK_CLOEXEC);
	conn_args_t args = {.input_fd = fd, .output_fd = fd};
	__typeof__(msg.MSG_CONN) conn;

	if (fd < 0)
		return;
	slurm_msg_t_init(&msg);
	conn = conn_g_create(&args);
	if (slurm_receive_msg(conn, &msg, 5000) == SLURM_SUCCESS) {
		msg.MSG_CONN = conn;
		if (msg.msg_type == REQUEST_TERMINATE_JOB ||
		    msg.msg_type == REQUEST_KILL_TIMELIMIT ||
		    msg.msg_type == REQUEST_KILL_PREEMPTED)
			ended = ((kill_job_msg_t *)msg.data)->step_id.job_id;
		asked = msg.msg_type == REQUEST_NODE_REGISTRATION_STATUS;
		slurm_send_rc_msg(&msg, SLURM_SUCCESS);
	}
	slurm_free_msg_members(&msg);
	conn_g_destroy(conn, true);
	if (ended)
		epilog_send(ended, port->node);
	if (asked)
		message_send(port->sizes, port->node);
}

int main(int argc, char **argv)
{
	struct rlimit many = {65536, 65536};
	struct epoll_event events[64];
	int poll = epoll_create1(EPOLL_CLOEXEC), count;

	if (argc < 2) {
		fprintf(stderr, "usage: nodes NODES@PORT...\n");
		return 2;
	}
	(void)setrlimit(RLIMIT_NOFILE, &many);
	slurm_init(NULL);
	if (gres_init())
		errx(1, "the gres plugins cannot be loaded");
	for (int i = 1; i < argc; i++)
		nodes_start(poll, argv[i]);
	puts("ready");
	fflush(stdout);
	while ((count = epoll_wait(poll, events, 64, -1)) >= 0 || errno == EINTR)
		for (int i = 0; i < count; i++)
			answer_one(&ports[events[i].data.u32]);
	err(1, "epoll_wait");
}
