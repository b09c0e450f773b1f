# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo health on made-up machines: a driver and a scontrol that stand in for the real ones.
# What slurmctld makes of it: tests/mock/test_health.c, tests/cluster/cases/health.bats.

load cli.bash

setup() {
	needs_jq
	cd "$BATS_TEST_TMPDIR"
	unset SLURM_CONF SLURMD_NODENAME
	mkdir bin conf
	# says the node, and writes down what it is told
	cat >bin/scontrol <<-'END'
		#!/bin/sh
		case $1 in
		update) printf '%s\n' "$3" >told ;;
		*) cat node ;;
		esac
	END
	chmod +x bin/scontrol
	: >told
	PATH=$PWD/bin:$PATH
	export LD_LIBRARY_PATH=${GPUTOPO_BUILDDIR:-}/tests/mock/.libs
	export GPUTOPO_FAKE_NVML=$PWD/machine
	# this machine's own devices do not matter, and libpciaccess leaks
	export HWLOC_COMPONENTS=-pci
	[ -e "$LD_LIBRARY_PATH/libnvidia-ml.so.1" ] || skip "the made-up driver is not built"
	node ""
	echo 'NodeName=n0 Topology=builtin:a100-mesh-4' >conf/gputopo.conf
	cp "$SRC/tests/data/nvml/a100-mesh-4.machine" whole
	cp whole machine
	: >kmsg
}

# node EXTRA: what scontrol says.
node() {
	printf 'NodeName=n0 Arch=x86_64 CoresPerSocket=20\n   Gres=gpu:4\n   GresUsed=gpu:0\n   Extra=%s\n   State=IDLE ThreadsPerCore=1\n\n' \
		"${1:-(null)}" >node
}

health() {
	: >told
	gputopo health --node n0 --conf conf --kmsg kmsg "$@"
}

@test "a sound node: nothing is reported" {
	health
	same "$status $output" "0 n0: 4 GPUs as the model says
n0: slurmctld knows" "$stderr"
	same "$(<told)" "" report
}

@test "dead links, a lost GPU, memory rows, a fabric that is away, an Xid: reported" {
	sed '0,/^link 0 4 gpu/s//link 0 3 gpu/' whole >machine
	health --json
	same "$status" 0 "$stderr"
	json_is '[.lost, .last, .links, .reported]' '[[],[],[{"gpu":0,"to":1,"links":3}],true]'
	same "$(<told)" 'Extra={"gputopo":{"lost":"0x0","last":"0x0","links":"0-1=3"}}' report
	(cat whole; echo 'lost 2'; echo 'remapped 1 8 1 0'; echo 'remapped 3 8 0 1') >machine
	health
	has "$output" "n0: GPU 2 does not answer the driver: no job gets it"
	has "$output" "n0: GPU 1 replaces memory rows at its next reset: it is taken last"
	has "$output" "n0: GPU 3 has no spare memory rows left: it is taken last"
	same "$(<told)" 'Extra={"gputopo":{"lost":"0x4","last":"0xa","links":""}}' report
	(cat whole; echo 'fabric-state 2 0') >machine
	health
	has "$output" "n0: GPU 0 has no NVSwitch fabric, so that CUDA fails: no job gets it"
	cp whole machine
	{
		echo "3,1,$(awk '{print int($1 * 1e6) - 60000000}' /proc/uptime),-;NVRM: Xid (PCI:0000:12:00): 119, pid=1"
		echo "3,2,1,-;NVRM: Xid (PCI:0000:11:00): 79, pid=1" # long ago, on a machine that is up
		echo "3,3,$(awk '{print int($1 * 1e6)}' /proc/uptime),-;NVRM: Xid (PCI:0000:91:00): 13, a user's fault"
	} >kmsg
	[ "$(cut -d. -f1 /proc/uptime)" -gt 3700 ] || sed -i 2d kmsg
	health
	same "$(<told)" 'Extra={"gputopo":{"lost":"0x0","last":"0x2","links":""}}' report
	has "$output" "n0: GPU 1 had Xid 119 in the last hour: it is taken last"
}

@test "what slurmctld knows is not reported again, and recovery is" {
	(cat whole; echo 'lost 2') >machine
	node '{"rack":7,"gputopo":{"lost":"0x4","last":"0x0","links":""}}'
	health
	same "$status $(<told)" "0 " "known: $output"
	has "$output" "n0: slurmctld knows"
	cp whole machine
	health
	same "$(<told)" 'Extra={"rack":7}' recovery
	node '{"gputopo":{"lost":"nonsense"}}'
	health
	same "$(<told)" '' "what slurmctld cannot read either"
	node 'a word'
	(cat whole; echo 'lost 2') >machine
	health --json
	same "$status" 1 status
	has "$stderr" "n0: Extra= of the node is not a JSON object"
	same "$(<told)" "" "somebody else's text"
	health --dry-run
	has "$output" "not reported: --dry-run"
}

@test "GPUs are the device files of gres.conf; where that leaves a doubt nothing is reported" {
	# slurmd has the third GPU of the driver first
	printf 'NodeName=n0 Name=gpu File=/dev/nvidia%s\n' 2 3 0 1 >conf/gres.conf
	(cat whole; echo 'lost 2') >machine
	health
	same "$(<told)" 'Extra={"gputopo":{"lost":"0x1","last":"0x0","links":""}}' report
	# one is gone altogether
	printf 'NodeName=n0 Name=gpu File=/dev/nvidia%s\n' 0 1 2 3 >conf/gres.conf
	grep -v ':92:' whole >machine
	health
	has "$output" "n0: GPU 3 is gone: no job gets it"
	same "$(<told)" 'Extra={"gputopo":{"lost":"0x8","last":"0x0","links":""}}' report
	rm conf/gres.conf
	health
	same "$status" 1 status
	has "$stderr" "the machine shows 3 GPUs, Slurm has 4"
	same "$(<told)" "" "with a doubt"
}

@test "no driver: AMD's own program, or a machine from a file" {
	export GPUTOPO_FAKE_NVML=/nonexistent
	fails 1 "neither NVIDIA's driver library nor amd-smi or rocm-smi answers" \
		health --node n0 --conf conf
	local amd
	amd=$(grep -lrE 'Link Type between two' "$SRC/tests/data" | head -n 1)
	[ -n "$amd" ] || skip "no output of rocm-smi among the data"
	cp "$amd" amd
	printf '#!/bin/sh\ncat %s/amd\n' "$PWD" >bin/rocm-smi
	chmod +x bin/rocm-smi
	local n
	n=$("$GPUTOPO" show -t amd --json | jq '.gpus | length')
	"$GPUTOPO" show -t amd --json >conf/node.json
	echo 'NodeName=n0 Topology=node.json' >conf/gputopo.conf
	sed -i "s/gpu:4/gpu:$n/" node
	health
	same "$status" 0 "$stderr"
	has "$output" "n0: $n GPUs as the model says"
	health -t builtin:dgx1v
	same "$status" 1 "another machine: $output"
	fails 1 "Slurm has no such node" health --node n9 --conf conf
}

@test "an Xid of a bus id that is none, as long as the field and longer" {
	local id
	for id in 0000:12:00:0000:12:00:0000:12:0 0000:12:00:0000:12:00:0000:12:000 0000; do
		echo "3,1,$(awk '{print int($1 * 1e6)}' /proc/uptime),-;NVRM: Xid (PCI:$id): 79, pid=1" >kmsg
		health
		same "$status $output" "0 n0: 4 GPUs as the model says
n0: slurmctld knows" "$id: $stderr"
	done
}

@test "scontrol refuses: nothing says that slurmctld knows" {
	cat >bin/scontrol <<-'END'
		#!/bin/sh
		[ "$1" != update ] || exit 1
		cat node
	END
	(cat whole; echo 'lost 2') >machine
	health
	same "$status $output" "1 n0: GPU 2 does not answer the driver: no job gets it" status
	has "$stderr" "n0: scontrol update failed: nothing is reported to slurmctld"
	health --json
	same "$status $(json .reported)" "1 false" json
}

@test "records that the kernel overwrote meanwhile hide no later Xid" {
	command -v cc >/dev/null || skip "no compiler"
	# a log whose second read says EPIPE, as /dev/kmsg does
	cat >log.c <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <errno.h>
		#include <stdio.h>
		#include <string.h>
		#include <unistd.h>

		static int reads;

		static ssize_t read_log(void *fd, char *buf, size_t size)
		{
			if (++reads == 2) {
				errno = EPIPE;
				return -1;
			}
			return read(*(int *)fd, buf, reads == 1 ? sizeof("another one") : size);
		}

		FILE *fdopen(int fd, const char *mode)
		{
			static int of;
			char link[64], path[4096] = "";

			snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
			if (readlink(link, path, sizeof(path) - 1) < 0 || !strstr(path, "/kmsg"))
				return ((FILE *(*)(int, const char *))dlsym(RTLD_NEXT, "fdopen"))(fd, mode);
			of = fd;
			return fopencookie(&of, mode, (cookie_io_functions_t){.read = read_log});
		}
	END
	cc -shared -fPIC -o log.so log.c -ldl
	{
		echo 'another one'
		echo "3,1,$(awk '{print int($1 * 1e6)}' /proc/uptime),-;NVRM: Xid (PCI:0000:12:00): 119, pid=1"
	} >kmsg
	: >told
	run --separate-stderr env "LD_PRELOAD=$PWD/log.so" ASAN_OPTIONS=verify_asan_link_order=0 \
		"$GPUTOPO" health --node n0 --conf conf --kmsg kmsg
	same "$status" 0 "$stderr"
	has "$output" "n0: GPU 1 had Xid 119 in the last hour: it is taken last"
}
