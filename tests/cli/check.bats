# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo check where --mig is meant: what slurm.conf, gres.conf and plugstack.conf lack.

load cli.bash

setup() {
	needs_jq
	unset SLURM_CONF
	cd "$BATS_TEST_TMPDIR"
	slices 2 >mig.json
	printf '%s\n' 'NodeName=n[1-8] Topology=mig.json' >gputopo.conf
	cat >slurm.conf <<-'END'
		ClusterName=test
		GresTypes=gpu,shard
		JobSubmitPlugins=lua,gputopo
		PrologFlags=Alloc,X11
		NodeName=n[1-4] CPUs=32 Gres=gpu:2,shard:16 State=UNKNOWN
		NodeName=n[5-8] CPUs=32 Gres=gpu:2,shard:16 State=UNKNOWN
	END
	cat >gres.conf <<-'END'
		NodeName=n[1-8] Name=gpu File=/dev/nvidia0 Cores=0-15
		NodeName=n[1-8] Name=gpu File=/dev/nvidia1 Cores=16-31
		NodeName=n[1-8] Name=shard File=/dev/nvidia0 Count=8
		NodeName=n[1-8] Name=shard File=/dev/nvidia1 Count=8
	END
	echo 'required /usr/lib/gputopo/spank_gputopo.so mig_fail=job' >plugstack.conf
}

# slices N [MODEL [JQ]]: a node file of N GPUs in MIG mode.
slices() {
	jq -n --argjson n "$1" --arg model "${2:-NVIDIA A100-SXM4-80GB}" '{version: 1,
		gpus: [range($n) | {index: ., minor: ., model: $model, mig: true}],
		links: [range($n) | [range($n) | 0]]} | '"${3:-.}"
}

# finds TEXT...: status 1 and exactly these problems, in their order.
finds() {
	gputopo check ./gputopo.conf
	same "$status" 1 status
	same "$stderr" "$(printf 'gputopo: %s\n' "$@")" messages
}

# sound [TEXT]: no problem, and TEXT among notices and summary.
sound() {
	gputopo check ./gputopo.conf
	same "$stderr" "" messages
	same "$status" 0 status
	has "$output" "${1:-}"
}

@test "all that is needed: no problem, and a summary" {
	sound "n[1-8]: 2 GPUs, mig.json (NVIDIA A100-SXM4-80GB): in MIG mode: --mig gives slices"
	# also found by SLURM_CONF, with another name
	mkdir other
	mv slurm.conf other/cluster.conf
	SLURM_CONF=$PWD/other/cluster.conf sound
	mv gputopo.conf mig.json gres.conf plugstack.conf other/
	SLURM_CONF=$PWD/other/cluster.conf gputopo check
	same "$status$stderr" 0 "status and messages"
}

@test "without slurm.conf or gres.conf nothing is said of them" {
	rm slurm.conf
	sound
	rm gres.conf
	sound
}

@test "nothing of slurm.conf is looked at where no GPU waits to be cut" {
	printf 'nonsense\n' >slurm.conf
	slices 2 A100-SXM4-80GB '.gpus[].mig = false' >mig.json
	sound
	slices 2 "NVIDIA A100-SXM4-40GB" '.gpus[].instances = [{profile: "7g.40gb", start: 0}]' >mig.json
	sed -i '/shard/d; s/File/Type=a100_7g.40gb File/' gres.conf
	sound
	slices 2 >mig.json
	printf 'Mode=off\nNodeName=n[1-8] Topology=mig.json\n' >gputopo.conf
	sound
}

@test "an empty slurm.conf: everything is missing" {
	: >slurm.conf
	finds "./gputopo.conf:1: these nodes, which have GPUs in MIG mode, are missing in ./slurm.conf" \
		"./slurm.conf: no PrologFlags=Alloc: the prolog of salloc and srun jobs would make MIG instances too late" \
		"./slurm.conf: no JobSubmitPlugins=gputopo: jobs with --mig get no slices" \
		"./slurm.conf: no GresTypes=gpu: Slurm gives no GPUs to jobs" \
		"./slurm.conf: no GresTypes=shard: a shard is a memory slice for --mig"
}

# needs SED-EXPRESSION TEXT...: of slurm.conf.
needs() {
	cp slurm.conf slurm.sound
	sed -i "$1" slurm.conf
	shift
	finds "$@"
	mv slurm.sound slurm.conf
}

@test "slurm.conf: each prerequisite, with file and line" {
	needs 's/Alloc,X11/Serial/' \
		"./slurm.conf:4: PrologFlags=Serial has no Alloc: the prolog of salloc and srun jobs would make MIG instances too late"
	needs '/Prolog/d' \
		"./slurm.conf: no PrologFlags=Alloc: the prolog of salloc and srun jobs would make MIG instances too late"
	needs 's/,gputopo/,gputopology/' \
		"./slurm.conf:3: JobSubmitPlugins=lua,gputopology has no gputopo: jobs with --mig get no slices"
	needs 's/gpu,shard$/gpu,mps/' \
		"./slurm.conf:2: GresTypes=gpu,mps has no shard: a shard is a memory slice for --mig"
	needs 's/^/#/' \
		"./gputopo.conf:1: these nodes, which have GPUs in MIG mode, are missing in ./slurm.conf" \
		"./slurm.conf: no PrologFlags=Alloc: the prolog of salloc and srun jobs would make MIG instances too late" \
		"./slurm.conf: no JobSubmitPlugins=gputopo: jobs with --mig get no slices" \
		"./slurm.conf: no GresTypes=gpu: Slurm gives no GPUs to jobs" \
		"./slurm.conf: no GresTypes=shard: a shard is a memory slice for --mig"
}

@test "slurm.conf: the shards of a node, one line for nodes of one line" {
	needs 's/shard:16/shard:14/' \
		"./slurm.conf:5: n1: Gres= has shard:14, but needs 16: 8 memory slices on each of 2 GPUs in MIG mode (Topology=mig.json)" \
		"./slurm.conf:6: n5: Gres= has shard:14, but needs 16: 8 memory slices on each of 2 GPUs in MIG mode (Topology=mig.json)"
	needs '5s/,shard:16//' \
		"./slurm.conf:5: n1: Gres= has no shard: add shard:16, 8 memory slices on each of 2 GPUs in MIG mode (Topology=mig.json)"
	needs '6s/Gres=[^ ]*//' \
		"./slurm.conf:6: n5: Gres= has no shard: add shard:16, 8 memory slices on each of 2 GPUs in MIG mode (Topology=mig.json)"
	# a node that the line of gputopo.conf does not cover
	sed -i '5s/n\[1-4\]/n[1-4,9]/; $aNodeName=x1 Gres=gpu:2' slurm.conf
	sound
	sed -i '6d; 5s/n\[1-4,9\]/x[1-4]/' slurm.conf
	finds "./gputopo.conf:1: these nodes, which have GPUs in MIG mode, are missing in ./slurm.conf" \
		"./gputopo.conf:1: NodeName=: n[1-8] are not in ./slurm.conf"
	echo MaxNodeCount=20 >>slurm.conf
	sound
}

@test "slurm.conf as Slurm reads it: case, comments, spaces, continuation, quotes, Include, DEFAULT" {
	mkdir parts
	printf 'prologflags = "contain" # Alloc\r\nGRESTYPES=GPU,\\\n\tx\nInclude parts/%%c.conf\n' >slurm.conf
	sed -i '1iClusterName=blue' slurm.conf
	printf 'JobSubmitPlugins=\\\njob_submit/gputopo\ngrestypes=gpu,shard\ninclude nodes\n' >parts/blue.conf
	cat >nodes <<-'END'
		NodeName=DEFAULT CPUs=32 \
			gres=gpu:a100:2,shard:a100:16(S:0-1)
		nodename=n[1-3,5],n4 # Gres=none
		NodeName=n[6-8] Gres="gpu:2,shard:16"
	END
	sound
	sed -i 's/shard:16"/shard:12"/' nodes
	finds "./nodes:4: n6: Gres= has shard:12, but needs 16: 8 memory slices on each of 2 GPUs in MIG mode (Topology=mig.json)"
	sed -i 's/shard:12"/shard:16"/; s/:16(/:8(/' nodes
	finds "./nodes:3: n1: Gres= has shard:8, but needs 16: 8 memory slices on each of 2 GPUs in MIG mode (Topology=mig.json)"
	rm parts/blue.conf
	finds "./slurm.conf:5: Include parts/blue.conf: No such file or directory"
}

@test "gres.conf: one line with Count= for each GPU" {
	sed -i '4d' gres.conf
	finds "./gres.conf: n1: no Name=shard line with the File= of GPU 1 (1): add one with Count=8"
	sed -i '$aNodeName=n[1-8] Name=shard File=/dev/nvidia1 Count=7' gres.conf
	finds "./gres.conf:4: n1: 7 shards for GPU 1, but it has 8 memory slices (Topology=mig.json)"
	sed -i '3,4d' gres.conf
	echo 'NodeName=n[1-8] Name=shard File=/dev/nvidia[0-1] Count=16' >>gres.conf
	sound
	sed -i 's/=16/=8/' gres.conf
	finds "./gres.conf:3: n1: 4 shards for GPU 0, but it has 8 memory slices (Topology=mig.json)" \
		"./gres.conf:3: n1: 4 shards for GPU 1, but it has 8 memory slices (Topology=mig.json)"
	# spread by Slurm
	sed -i '$d' gres.conf
	echo 'Name=shard Count=16' >>gres.conf
	sound
	sed -i 's/=16/=24/' gres.conf
	finds "./gres.conf:3: n1: 24 shards for 2 GPUs: Slurm spreads them evenly, and each GPU needs 8, one for each memory slice"
	sed -i '$d' gres.conf
	sound
	rm slurm.conf
	finds "./gres.conf: n1: no Name=shard line: add one with Count=8 for each of 2 GPUs in MIG mode (Topology=mig.json)"
}

@test "gres.conf: lines of single nodes, and GPUs that AutoDetect finds" {
	sed -i 's/n\[1-8\]/n[1-7]/; $aNodeName=n8 Name=gpu File=/dev/nvidia[0-1]\nNodeName=n8 Name=shard File=/dev/nvidia0 Count=8' gres.conf
	finds "./gres.conf: n8: no Name=shard line with the File= of GPU 1 (1): add one with Count=8"
	printf 'AutoDetect=nvml\nName=shard Count=16\nName=gpu Count=2\n' >gres.conf
	sound
}

@test "a node with some GPUs in MIG mode, as probe writes it" {
	cp "$SRC/tests/data/nvml/mig-2.json" mig.json # draw.bats sees to it that it does
	sed -i 's/gpu:2/gpu:4/' slurm.conf
	: >gres.conf
	for i in 0 1 2 3; do echo "Name=gpu File=/dev/nvidia$i"; done >gres.conf
	for i in 1 2; do echo "Name=shard File=/dev/nvidia$i Count=8"; done >>gres.conf
	sound
	# shards of a GPU that is none of ours
	echo "Name=shard File=/dev/nvidia3 Count=2" >>gres.conf
	sed -i 's/shard:16/shard:18/' slurm.conf
	sound
	sed -i 's/nvidia2 Count=8/nvidia0 Count=8/' gres.conf
	finds "./gres.conf: n1: no Name=shard line with the File= of GPU 2 (2): add one with Count=8"
}

@test "other models: 4 slices on A30, 12 on RTX PRO 6000, none on others, two are too many" {
	slices 2 "NVIDIA A30" >mig.json
	sed -i 's/shard:16/shard:8/' slurm.conf
	sed -i 's/Count=8/Count=4/' gres.conf
	sound
	slices 2 "NVIDIA RTX PRO 6000 Blackwell Server Edition" >mig.json
	sed -i 's/shard:8/shard:24/' slurm.conf
	sed -i 's/Count=4/Count=12/' gres.conf
	sound
	slices 2 "NVIDIA L40S" >mig.json
	finds "./gputopo.conf:1: Topology=mig.json: GPU 0 is in MIG mode, but gputopo has no table of MIG profiles for 'NVIDIA L40S'" \
		"./gputopo.conf:1: Topology=mig.json: GPU 1 is in MIG mode, but gputopo has no table of MIG profiles for 'NVIDIA L40S'"
	slices 2 "NVIDIA A30" '.gpus[1].model = "NVIDIA A100-SXM4-80GB"' >mig.json
	finds "./gputopo.conf:1: Topology=mig.json: GPUs of several models are in MIG mode: --mig does not use them"
}

@test "plugstack.conf: the plugin by any path and include" {
	echo 'optional /usr/lib/other.so' >plugstack.conf
	finds "./plugstack.conf: no line with spank_gputopo.so: users do not have the option --mig"
	mkdir stack.d
	echo 'include stack.d/*.conf' >plugstack.conf
	finds "./plugstack.conf: no line with spank_gputopo.so: users do not have the option --mig"
	echo '  REQUIRED spank_gputopo.so' >stack.d/x.conf
	sound
	rm plugstack.conf
	sound
	echo 'PlugStackConfig=stack.d/x.conf' >>slurm.conf
	sound
	: >stack.d/x.conf
	finds "./stack.d/x.conf: no line with spank_gputopo.so: users do not have the option --mig"
	echo 'include x.conf' >stack.d/x.conf
	gputopo check ./gputopo.conf
	same "$status" 0 "a loop"
	for i in 1 2 3 4 5 6 7 8 9; do
		for j in 1 2 3; do echo 'include *.conf'; done >stack.d/$i.conf
	done
	echo 'include *.conf' >stack.d/x.conf
	sound
}

@test "garbage ends in a line, not in a crash" {
	local file
	for file in slurm.conf gres.conf; do
		cp $file sound
		printf 'a\0b\n' >$file
		gputopo check ./gputopo.conf
		same "$status" 1 "NUL in $file"
		has "$stderr" "$file: contains a NUL byte"
		printf 'Include %s\n' $file >$file
		gputopo check ./gputopo.conf
		same "$status" 1 "loop of $file"
		has "$stderr" "$file:1: Include ./$file: the file includes itself"
		rm $file
		mkfifo $file
		gputopo check ./gputopo.conf --gres "$([ $file = gres.conf ] && echo sound || echo gres.conf)"
		rm $file
		mkdir $file
		[ $file = gres.conf ] || fails 1 "slurm.conf: is not a regular file" check ./gputopo.conf
		rmdir $file
		mv sound $file
	done
	printf 'NodeName=n[1-9999999999] Gres=gpu:2\nNodeName=[ Gres==\nGres\\' >>slurm.conf
	gputopo check ./gputopo.conf
	same "$status" 1 "no node names"
	has "$stderr" "./slurm.conf:7: 'n[1-9999999999]' is not a list of node names"
	has "$stderr" "./slurm.conf:8: '[' is not a list of node names"
	printf 'Name=shard NodeName=n[ Count=-3 File=]\nName=shard File=[ Count=99999999999999999999\n' >gres.conf
	printf 'NodeName=%s Gres=gpu:2,shard:,shard,shard:x,shard:9Q,:::,shard:16K\n' \
		"$(printf 'n%d,' $(seq 2000))n" "" >slurm.conf
	gputopo check ./gputopo.conf
	same "$status" 1 "broken counts"
	has "$stderr" "./gres.conf:1: 'n[' is not a list of node names"
	has "$stderr" "./gres.conf:2: '[' is not a list of device files"
	head -c 200000 /dev/urandom | tr -d '\0' >slurm.conf
	head -c 200000 /dev/urandom | tr -d '\0' >gres.conf
	head -c 200000 /dev/urandom | tr -d '\0' >plugstack.conf
	gputopo check ./gputopo.conf
	same "$status" 1 "noise"
	echo 'NodeName=n[0-99999999]x[0-99999999] Topology=mig.json' >gputopo.conf
	gputopo check ./gputopo.conf
	same "$status" 1 "a name for every grain of sand"
}

# What docs/admin/mig.md says to write, as it says it.
@test "the steps of docs/admin/mig.md pass" {
	local doc=$SRC/docs/admin/mig.md
	# block N: the N-th indented block between "From a stock install" and "What users get"
	block() {
		awk -v n="$1" '/^## From a stock install/ {on = 1} /^## What users get/ {on = 0}
			!on {next}
			/^        / {if (!in_block) {count++; in_block = 1}
				if (count == n) print substr($0, 9); next}
			{in_block = 0}' "$doc"
	}
	rm -f ./*
	block 1 >slurm.conf
	block 2 >gres.conf
	block 3 >gputopo.conf
	# the folder of the plugins is here, with the file that the package puts there
	block 4 | sed "s|/usr/lib/gputopo|$PWD/lib|" >plugstack.conf
	mkdir lib
	echo 'optional /usr/lib/gputopo/spank_gputopo.so' >lib/plugstack.conf
	grep -q PrologFlags slurm.conf
	grep -q Name=shard gres.conf
	grep -q Topology=/etc/slurm/gputopo.d/mig.json gputopo.conf
	grep -q "^include $PWD/lib/\*.conf" plugstack.conf
	# what it calls /etc/slurm is here
	sed -i "s|/etc/slurm/gputopo.d|$PWD|" gputopo.conf
	cp "$SRC/tests/cluster/lib/kinds/slices.json" mig.json
	sound
	# and without any one of its lines it does not
	local file line
	for file in slurm.conf gres.conf plugstack.conf; do
		for ((line = 1; line <= $(wc -l <$file); line++)); do
			sed -n "${line}p" $file | grep -qE 'PluginDir|SchedulerParameters' && continue
			cp $file sound
			sed -i "${line}d" $file
			gputopo check ./gputopo.conf
			same "$status" 1 "without line $line of $file"
			mv sound $file
		done
	done
}

# gpus NODES "LINKS|CORES"...: lines of GPUs 0, 1, ... in gres.conf.
gpus() {
	local hosts=$1 i=0 row
	shift
	for row; do
		printf 'NodeName=%s Name=gpu File=/dev/nvidia%d%s%s\n' "$hosts" $((i++)) \
			"${row%|*}" "${row#*|}"
	done
}

@test "Links= and Cores= that Slurm refuses, with no topology in gputopo.conf" {
	echo '# nothing' >gputopo.conf
	echo 'NodeName=n[1-8] Sockets=2 CoresPerSocket=16 ThreadsPerCore=2 Gres=gpu:2' >slurm.conf
	gpus n[1-8] ' Links=-1,4| Cores=0-15' ' Links=4,-1| Cores=16-31' >gres.conf
	sound
	gpus n[1-8] ' Links=-1,4|' ' Links=4,-1|' ' Links=4,0,-1,,0|' >gres.conf
	finds "./gres.conf:3: Links=4,0,-1,,0 has an empty value, which Slurm skips: the counts behind it move to other GPUs"
	gpus n[1-8] ' Links=-1,-1|' ' Links=0,1|' ' Links=null|' ' Links=-,1|' ' Links=-1,0-1|' >gres.conf
	finds "./gres.conf:"{1:\ Links=-1\,-1,2:\ Links=0\,1,3:\ Links=null,4:\ Links=-\,1,5:\ Links=-1\,0-1}" is invalid: write one count of links for each GPU of the node, -1 for the GPU itself"
}

@test "Links= of a node that do not go together" {
	echo '# nothing' >gputopo.conf
	gpus n1 ' Links=-1,4|' ' Links=2,-1|' >gres.conf
	finds "./gres.conf:2: n1: Links= counts 2 links to the GPU of line 1, which counts 4 back"
	gpus n1 ' Links=-1,4|' ' Links=-1,4|' >gres.conf
	finds "./gres.conf:2: n1: the -1 of Links= is at place 1, where line 1 has it: each GPU has its own place"
	gpus n1 ' Links=-1,4,4|' ' Links=4,-1,4|' >gres.conf
	finds "./gres.conf:1: n1: Links= has 3 values, but the node has 2 GPUs: slurmctld makes the node INVAL"
	# one line for all nodes that have the same lines
	gpus n[1-8] ' Links=-1,4|' ' Links=0,-1|' >gres.conf
	finds "./gres.conf:2: n1: Links= counts 0 links to the GPU of line 1, which counts 4 back"
	# a second line of names for one of them
	gpus n[1-2] ' Links=-1,4|' ' Links=4,-1|' >gres.conf
	gpus n2 ' Links=4,4,-1|' >>gres.conf
	finds "./gres.conf:3: n2: Links= counts 4 links to the GPU of line 1, which counts 0 back"
	echo 'NodeName=n1 Name=gpu File=/dev/nvidia[0-1] Links=-1,4' >gres.conf
	finds "./gres.conf:1: Links= describes one GPU, but the line has 2: write a line for each"
}

@test "Cores= counts cores of the node in slurm.conf" {
	echo '# nothing' >gputopo.conf
	local conf
	for conf in 'Sockets=2 CoresPerSocket=16 ThreadsPerCore=2' 'CPUs=64 ThreadsPerCore=2' \
		'Boards=1 SocketsPerBoard=2 CoresPerSocket=16'; do
		echo "NodeName=n[1-8] $conf Gres=gpu:2" >slurm.conf
		gpus n[1-8] '| Cores=0-15' '| Cores=16-30,31' >gres.conf
		sound
		gpus n[1-8] '| Cores=0-15' '| Cores=16-31,48-63' >gres.conf
		finds "./gres.conf:2: Cores=16-31,48-63: n1 has the cores 0-31: count cores, not CPUs (threads)"
	done
	printf 'NodeName=DEFAULT CPUs=8\nNodeName=n[1-8] Gres=gpu:2\n' >slurm.conf
	gpus n[1-8] '| Cores=0-8' '| Cores=first' >gres.conf
	finds "./gres.conf:1: Cores=0-8: n1 has the cores 0-7: count cores, not CPUs (threads)" \
		"./gres.conf:2: Cores=first is no list of cores, such as 0-15,32"
	rm slurm.conf
	gpus n[1-8] '| Cores=0-800' >gres.conf
	sound
}

@test "gres.conf: Include and continued lines, in check, show and gres" {
	slices 2 A100-SXM4-80GB '.gpus[].mig = false | .links = [[0,4],[4,0]]' >mig.json
	mkdir parts
	printf 'include parts/a.conf\n# all of it\n' >gres.conf
	printf '%s\n' 'NodeName=n[1-8] Name=gpu \' '  File=/dev/nvidia0 Links=-1,4' \
		'Include parts/b.conf' >parts/a.conf
	echo 'NodeName=n[1-8] Name=gpu File=/dev/nvidia1 Links=4,-1' >parts/b.conf
	sound
	"$GPUTOPO" gres -t gres.conf --node n2 >lines
	same "$(cat lines)" "NodeName=n2 Name=gpu File=/dev/nvidia0 Links=-1,4
NodeName=n2 Name=gpu File=/dev/nvidia1 Links=4,-1" lines
	"$GPUTOPO" show -t gres.conf --format gres --node n2 --json >n2.json
	same "$(jq -c '[.links, .partial]' n2.json)" '[[[0,4],[4,0]],false]' model
	sed -i 's/4,-1/0,-1/' parts/b.conf
	finds "./parts/b.conf:1: n1: Links= counts 0 links to the GPU of line 1, which counts 4 back"
	echo 'NodeName=n[1-8] Name=gpu File=/dev/nvidia[1-' >parts/b.conf
	fails 1 "parts/b.conf:1: '/dev/nvidia[1-' is not a list of device files" \
		show -t gres.conf --node n1
	rm parts/b.conf
	fails 1 "parts/a.conf:3: Include parts/b.conf: No such file" show -t gres.conf --node n1
	# a text alone cannot follow it, and says so
	"$GPUTOPO" show -t - --format gres --node n1 --json <parts/a.conf >half.json
	same "$(jq -c '[.partial, (.gpus | length)]' half.json)" '[true,1]' "standard input"
	has "$(jq -r '.notes[]' half.json)" "line 3 includes a file, whose lines are not here"
}

@test "a topology that names no GPU: guesses are said, Model= ends them" {
	printf '\tGPU0\tGPU1\nGPU0\t X \tPIX\nGPU1\tPIX\t X \n' >topo.txt
	echo 'NodeName=n[1-8] Topology=topo.txt' >gputopo.conf
	sound "./gputopo.conf:1: Topology=topo.txt: GPU model not named: 12 GB/s over PCIe assumed; set Model= on this line"
	has "$("$GPUTOPO" show -t topo.txt)" "GPU model not named: 12 GB/s over PCIe assumed"
	echo 'NodeName=n[1-8] Topology=topo.txt Model=nvidia_l40s' >gputopo.conf
	sound
	# so does a Type= of gres.conf that is a GPU model, as slurmctld takes it
	echo 'NodeName=n[1-8] Topology=topo.txt' >gputopo.conf
	echo 'NodeName=n[1-8] Name=gpu Type=nvidia_l40s File=/dev/nvidia[0-1]' >gres.conf
	gputopo check ./gputopo.conf
	same "$status" 0 status
	[[ $output != *assumed* ]]
	echo 'NodeName=n[1-8] Name=gpu Type=big File=/dev/nvidia[0-1]' >gres.conf
	gputopo check ./gputopo.conf
	has "$output" "./gputopo.conf:1: Topology=topo.txt: GPU model not named: 12 GB/s over PCIe assumed; set Model= on this line"
	rm gres.conf
	# half of the truth, without it
	same "$("$GPUTOPO" pick -t topo.txt -n 2 --json | jq .busbw_gbps)" 12 "PCIe 3"
	same "$("$GPUTOPO" pick -t topo.txt -n 2 --model l40s --json | jq .busbw_gbps)" 24 "PCIe 4"
	echo 'NodeName=n[1-8] Topology=topo.txt Model=mine' >gputopo.conf
	fails 1 "gputopo.conf:1: Model=mine: must be a GPU model that gputopo has figures for" check ./gputopo.conf
}

@test "NicRate= and NicIgnore= that do nothing, or too much" {
	rm slurm.conf gres.conf plugstack.conf
	"$GPUTOPO" show -t builtin:dgxa100 --json | jq '.nics[].gbps = null' >a.json
	"$GPUTOPO" show -t builtin:l40s-8 --json >l40s.json
	{
		echo 'NodeName=a Topology=a.json NicRate=25 NicIgnore=mlx5_[89]'
		echo 'NodeName=b Topology=builtin:dgxa100 NicRate=25 NicIgnore=eno*,mlx5_0'
		echo 'NodeName=c Topology=l40s.json NicRate=25'
	} >gputopo.conf
	sound "./gputopo.conf:2: NicIgnore=eno* leaves out no NIC of Topology=builtin:dgxa100
./gputopo.conf:2: Topology=builtin:dgxa100 has the speed of every NIC: NicRate= does nothing there
./gputopo.conf:3: Topology=l40s.json shows no NICs: NicRate= and NicIgnore= do nothing there"
	# the cluster's keys are for the topologies that have no own ones
	{
		echo 'NicIgnore=mlx5_*'
		echo 'NodeName=a Topology=a.json NicIgnore=mlx5_0'
		echo 'NodeName=b Topology=builtin:dgxa100'
	} >gputopo.conf
	finds "./gputopo.conf:3: NicIgnore= leaves out every NIC of Topology=builtin:dgxa100"
	echo 'NicRate=400Gb/s' >gputopo.conf
	fails 1 "gputopo.conf:1: NicRate=400Gb/s: must be a number of GB/s, one way, such as 50" check ./gputopo.conf
	echo 'NicIgnore=mlx5_0,' >gputopo.conf
	fails 1 "gputopo.conf:1: NicIgnore=mlx5_0,: must be names or globs of NICs such as eno*,mlx5_2" check ./gputopo.conf
	echo 'NodeName=a NicRate=50' >gputopo.conf
	fails 1 "gputopo.conf:1: NicRate=...: needs Topology= on the same line" check ./gputopo.conf
}

# A cluster of one node type of each documented kind, without a fault.
site() {
	rm -rf ./*
	mkdir plugin stock
	cp "$GPUTOPO_BUILDDIR/plugin/.libs/select_cons_tres.so" plugin 2>/dev/null ||
		skip "the Slurm plugin is not built"
	cp "$GPUTOPO_BUILDDIR/tests/mock/.libs/select_cons_tres.so" stock 2>/dev/null ||
		skip "the mock of stock is not built"
	cat >slurm.conf <<-END
		ClusterName=t
		SlurmUser=root
		SelectType=select/cons_tres
		PluginDir=$PWD/plugin:$PWD/stock
		JobSubmitPlugins=gputopo
		GresTypes=gpu
		NodeName=DEFAULT Sockets=2 CoresPerSocket=16
		NodeName=hgx[01-08] Gres=gpu:H100:8
		NodeName=dgx[1-2] Gres=gpu:8
		NodeName=l[1-4] Gres=gpu:2
		NodeName=m1 Gres=gpu:a100_3g.20gb:2
		NodeName=off1 Gres=gpu:4
	END
	cat >gputopo.conf <<-END
		DecisionLog=$PWD/log
		MetricsFile=$PWD/prom
		NodeName=hgx[01-08] Topology=builtin:hgx-h100
		NodeName=dgx[1-2] Topology=builtin:dgx1v
		NodeName=m1 Topology=mig.json
		NodeName=off1 Mode=off
	END
	cat >gres.conf <<-'END'
		NodeName=hgx[01-08] Name=gpu Type=H100 File=/dev/nvidia[0-3] Cores=0-15
		NodeName=hgx[01-08] Name=gpu Type=H100 File=/dev/nvidia[4-7] Cores=16-31
		NodeName=dgx[1-2] Name=gpu File=/dev/nvidia[0-7]
		NodeName=l[1-4] Name=gpu File=/dev/nvidia0 Links=-1,4
		NodeName=l[1-4] Name=gpu File=/dev/nvidia1 Links=4,-1
		NodeName=m1 Name=gpu Type=a100_3g.20gb MultipleFiles=/dev/nvidia0,/dev/nvidia-caps/nvidia-cap12,/dev/nvidia-caps/nvidia-cap13
		NodeName=m1 Name=gpu Type=a100_3g.20gb MultipleFiles=/dev/nvidia0,/dev/nvidia-caps/nvidia-cap21,/dev/nvidia-caps/nvidia-cap22
		NodeName=off1 Name=gpu File=/dev/nvidia[0-3]
	END
	jq -n '{version: 1, gpus: [{index: 0, minor: 0, model: "NVIDIA A100-SXM4-40GB", mig: true,
		instances: [{profile: "3g.20gb"}, {profile: "3g.20gb"}]}], links: [[0]]}' >mig.json
}

@test "a sound site of every kind: a summary line each, status 0" {
	site
	gputopo check ./gputopo.conf
	same "$stderr" "" messages
	same "$status" 0 status
	same "$output" "$(cat <<-'END'
		hgx[01-08]: 8 H100, builtin:hgx-h100 (NVIDIA H100 80GB HBM3): all sets equal: node choice only
		dgx[1-2]: 8 GPUs, builtin:dgx1v (Tesla V100-SXM2-32GB): sets differ: GPUs and nodes are chosen
		l[1-4]: 2 GPUs, Links=: all sets equal: node choice only
		m1: mig.json (NVIDIA A100-SXM4-40GB): MIG instances: chosen by MigPolicy=
		off1: 4 GPUs, no topology: Mode=off
	END
	)" summary
	gputopo check --json ./gputopo.conf
	same "$(json '[.problems, .findings, [.types[] | [.nodes, .count, .mode]]]')" \
		'[0,[],[["hgx[01-08]",8,"enforce"],["dgx[1-2]",2,"enforce"],["l[1-4]",4,"enforce"],["m1",1,"enforce"],["off1",1,"off"]]]' json
}

# planted FILE SED LEVEL FILE:LINE TEXT: this change of the sound site is this finding.
planted() {
	site
	sed -i "$2" "$1"
	gputopo check --json ./gputopo.conf
	same "$status" "$([ "$3" = problem ] && echo 1 || echo 0)" "status after $2"
	same "$(json '[.findings[] | select(.level == "'"$3"'") |
		"\(.file):\(.line)" + " " + .text | select(startswith("'"$4"'"))] | length > 0')" \
		true "$2 finds at $4: $output"
	has "$output" "$5"
}

@test "planted faults: each is found with file and line" {
	planted gputopo.conf 's/dgx\[1-2\] Top/dgx[1-3] Top/' problem ./gputopo.conf:4 "dgx3 is not in"
	planted gres.conf 's/dgx\[1-2\]/dgx[2-4]/' notice ./gres.conf:3 "dgx[3-4] are not in"
	planted gputopo.conf '4d' notice ./slurm.conf:9 "8 GPUs without Topology= or Links="
	planted gputopo.conf 's/hgx-h100/dgxa100/' problem ./gputopo.conf:3 "Type= in Gres= is H100"
	planted slurm.conf "4s|:.*||; 4s|plugin|stock|" problem ./slurm.conf:4 "no folder has gputopo's"
	has "$output" "JobSubmitPlugins=gputopo checks nothing"
	planted slurm.conf '4s|=\(.*\):\(.*\)|=\2:\1|' problem ./slurm.conf:4 "must be before Slurm's own"
	planted slurm.conf '4s|:.*||' problem ./slurm.conf:4 "is missing behind gputopo's"
	planted slurm.conf '4d' notice ./slurm.conf: "gputopo is not in force"
	planted slurm.conf '4s|$|:/nowhere/at/all|' problem ./slurm.conf:4 "/nowhere/at/all does not exist"
	planted slurm.conf 's/cons_tres/linear/' problem ./slurm.conf:3 "gputopo needs select/cons_tres"
	planted gputopo.conf '1s|=.*|=/nowhere/log|' problem ./gputopo.conf:1 "its folder does not exist by SlurmUser root"
	planted gputopo.conf '2s|=.*|=prom|' problem ./gputopo.conf:2 "must be an absolute path"
	planted gputopo.conf '5d' notice ./slurm.conf:11 "MIG instances without a node file"
	planted gres.conf '4s/-1,4/-1,2/' problem ./gres.conf:5 "counts 4 links to the GPU of line 4, which counts 2 back"
	planted gres.conf '1s/0-15/0-63/' problem ./gres.conf:1 "count cores, not CPUs"
	planted gputopo.conf '3s/Topology/Topolgy/; 4s/$/ Polcy=x/' problem ./gputopo.conf:3 "Topolgy"
	has "$output" "Polcy"
	planted gres.conf '3s/0-7/0-3/' problem ./gres.conf:3 "4 GPUs, but Topology=builtin:dgx1v has 8"
}

@test "planted faults: cores across sockets, AutoDetect, another release, files of SlurmUser" {
	site
	# four sockets of eight, as l3cache_as_socket makes them
	sed -i 's/Sockets=2 CoresPerSocket=16/Sockets=4 CoresPerSocket=8/' slurm.conf
	finds "./gres.conf:1: Cores=0-15: crosses Slurm's sockets of 8 cores each; with l3cache_as_socket or numa_node_as_socket of SlurmdParameters they are smaller than the machine's" \
		"./gres.conf:2: Cores=16-31: crosses Slurm's sockets of 8 cores each; with l3cache_as_socket or numa_node_as_socket of SlurmdParameters they are smaller than the machine's"
	site
	printf 'AutoDetect=rsmi\n' >gres.conf
	gputopo check ./gputopo.conf
	has "$stderr" "./gputopo.conf:4: dgx[1-2]: Topology=builtin:dgx1v is of Tesla V100-SXM2-32GB, but gres.conf has AutoDetect=rsmi"
	printf 'AutoDetect=nvml\n' >gres.conf
	sed -i 's/NodeName=dgx\[1-2\] Gres=gpu:8/NodeName=dgx[1-2] Gres=gpu:4/' slurm.conf
	gputopo check ./gputopo.conf
	has "$stderr" "./slurm.conf:9: dgx[1-2]: 4 GPUs in Gres=, but Topology=builtin:dgx1v has another number"
	site
	cp "$GPUTOPO_BUILDDIR/tests/mock/other/.libs/select_cons_tres.so" stock
	gputopo check ./gputopo.conf
	same "$status" 1 status
	has "$stderr" "./slurm.conf:4: PluginDir=: gputopo's select_cons_tres.so is built for Slurm "
	has "$stderr" "and Slurm is 22.00.0: install the package for 22.00.0"
	site
	sed -i 's/SlurmUser=root/SlurmUser=nobody/' slurm.conf
	chmod 700 .
	: >log
	finds "./gputopo.conf:1: DecisionLog=$PWD/log: exists, and may not be written by SlurmUser nobody" \
		"./gputopo.conf:2: MetricsFile=$PWD/prom: its folder may not be written by SlurmUser nobody"
}
