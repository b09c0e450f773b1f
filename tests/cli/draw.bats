# SPDX-License-Identifier: GPL-2.0-or-later
# Pictures and their golden files, which were looked at; probe, gres and check.

load cli.bash

setup() {
	cd "$BATS_TEST_TMPDIR"
}

golden() {
	if ! diff -u "$SRC/tests/data/draw/$1" "$2"; then
		echo "$2 is not tests/data/draw/$1"
		return 1
	fi
}

@test "show --svg of dgx1v with a job, as it was looked at" {
	gputopo show -t builtin:dgx1v --svg out.svg --mark 0,2-3
	same "$status" 0 status
	golden dgx1v.svg out.svg
}

@test "show --svg gives each group a colour of its own, and the lines between its GPUs too" {
	"$GPUTOPO" show -t builtin:dgx1v --svg out.svg --mark '0,3;1-2;4,7'
	local colour
	for colour in '#d9480f' '#1864ab' '#2b8a3e'; do
		# two GPUs and the line between them
		same "$(grep -c "stroke=\"$colour\"" out.svg)" 3 "$colour"
	done
	"$GPUTOPO" show -t builtin:dgx1v --dot --mark '0,3;1-2' >out.dot
	same "$(grep -c '#1864ab' out.dot)" 3 "the second group's colour"
	fails 2 "--mark: '3': a GPU is in two groups" show -t builtin:dgx1v --mark '0,3;3'
	gputopo show -t builtin:dgx1v --mark '0,3;1-2'
	has "$output" "  group 1 1-2             40 GB/s"
}

@test "show --svg of hgx-h100 to standard output" {
	"$GPUTOPO" show -t builtin:hgx-h100 --svg - >out.svg
	golden hgx-h100.svg out.svg
}

@test "show --svg of every built-in machine is one <svg> with every GPU in it" {
	for file in "$SRC"/etc/nodes/*.json; do
		name=$(basename "$file" .json)
		"$GPUTOPO" show -t "builtin:$name" --svg out.svg
		gpus=$("$GPUTOPO" show -t "builtin:$name" --json | jq '.gpus | length')
		same "$(grep -c '>GPU [0-9]*</text>' out.svg)" "$gpus" "GPUs of $name"
		same "$(tail -n 1 out.svg)" "</svg>" "the end of $name"
	done
}

@test "show --dot of dgx1v: 16 links, two clusters, a dashed edge to the card of each GPU" {
	"$GPUTOPO" show -t builtin:dgx1v --dot --mark 0,3 >out.dot
	golden dgx1v.dot out.dot
	same "$(grep -c ' -- gpu' out.dot)" 16 links
	same "$(grep -c ' -- nic.*dashed' out.dot)" 8 cards
}

@test "show --heat without a terminal shades by letters" {
	"$GPUTOPO" show -t builtin:dgx1v --heat --mark 0,3 >out.txt
	golden dgx1v.heat out.txt
}

@test "show --matrix of a machine with a dead GPU, in nvidia-smi's words" {
	"$GPUTOPO" show -t "$SRC/tests/data/nvml/b200-dead-links.json" --matrix >out.txt
	golden b200-dead-links.matrix out.txt
	"$GPUTOPO" show -t out.txt --json --model B200 >again.json
	same "$(jq -c .links again.json)" \
		"$(jq -c .links "$SRC/tests/data/nvml/b200-dead-links.json")" "links read back"
}

@test "names in pictures cannot break out of them" {
	edit '.name = "<script>\"&"' >evil.json
	"$GPUTOPO" show -t evil.json --svg out.svg
	has "$(cat out.svg)" '&lt;script&gt;&quot;&amp;'
	"$GPUTOPO" show -t evil.json --dot >out.dot
	has "$(cat out.dot)" '<script>\"&: 8 x'
}

@test "show wants one form, and says where it cannot write" {
	gputopo show -t builtin:dgx1v --svg x --dot
	same "$status" 2 status
	fails 1 "no/such/folder" show -t builtin:dgx1v --svg no/such/folder/x.svg
}

@test "probe against a made-up driver: byte-identical node files of 8 machines" {
	for machine in a100-mesh-4 hgx-h100 b200-dead-links mig-2 no-nvlink dgx2 one none; do
		LD_LIBRARY_PATH=${GPUTOPO_BUILDDIR:-$SRC/build}/tests/mock/.libs \
		GPUTOPO_FAKE_NVML=$SRC/tests/data/nvml/$machine.machine \
		HWLOC_XMLFILE=$SRC/tests/data/nvml/two-sockets.xml HWLOC_THISSYSTEM=0 \
			"$GPUTOPO" probe -o out.json
		cmp out.json "$SRC/tests/data/nvml/$machine.json"
	done
}

@test "gres: Links= and Cores= of a mesh; true ones of an NVSwitch machine" {
	gputopo gres -t builtin:dgx1v --node dgx01 --type v100
	same "${lines[0]}" "NodeName=dgx01 Name=gpu Type=v100 File=/dev/nvidia0 Cores=0-19 Links=-1,1,1,2,2,0,0,0" "GPU 0"
	same "${#lines[@]}" 8 lines
	gputopo gres -t builtin:hgx-h100
	same "${lines[7]}" "Name=gpu Type=nvidia_h100_80gb_hbm3 File=/dev/nvidia7 Cores=56-111 Links=18,18,18,18,18,18,18,-1" "GPU 7"
}

@test "gres reads its own lines back as the same links" {
	for name in dgx1v a6000-pairs hgx-h100 summit; do
		"$GPUTOPO" gres -t "builtin:$name" >gres.conf
		same "$("$GPUTOPO" show -t gres.conf --json | jq -c .links)" \
			"$("$GPUTOPO" show -t "builtin:$name" --json | jq -c .links)" "$name"
	done
}

# gres_lines ARGS...: the lines' FILE CORES alone, one GPU after the other, and the messages.
gres_lines() {
	gputopo gres "$@"
	sed -n 's/.*File=\([^ ]*\)\( Cores=\([^ ]*\)\)\{0,1\} Links=.*/\1 \3/p' <<<"$output"
}

# smi CPUS...: the text of nvidia-smi with a GPU for each list of CPUs, linked by NV3.
smi() {
	local row column n=$#
	printf '\tGPU%d' $(seq 0 $((n - 1)))
	printf '\tCPU Affinity\tNUMA Affinity\n'
	for ((row = 0; row < n; row++)); do
		printf 'GPU%d' "$row"
		for ((column = 0; column < n; column++)); do
			((row == column)) && printf '\t X ' || printf '\tNV3'
		done
		printf '\t%s\t%d\n' "$1" "$row"
		shift
	done
}

@test "gres: the device files of AMD GPUs" {
	local rocm='== Link Type between two GPUs ==
       GPU0   GPU1
GPU0   0      XGMI
GPU1   XGMI   0'
	local files="/dev/dri/renderD128 
/dev/dri/renderD129 "
	echo "$rocm" >rocm.txt
	same "$(gres_lines -t rocm.txt)" "$files" "no model"
	same "$(gres_lines -t rocm.txt --model mi210)" "$files" "--model in lower case"
	same "$(gres_lines -t rocm.txt --model 'AMD Instinct MI210')" "$files" "its whole name"
	"$GPUTOPO" show -t rocm.txt --json >rocm.json
	same "$(gres_lines -t rocm.json)" "$files" "as a node file"
	printf '%s\n' 'LINK TYPE TABLE:' '  0000:0c:00.0 0000:22:00.0' '0000:0c:00.0 SELF XGMI' \
		'0000:22:00.0 XGMI SELF' >amd.txt
	same "$(gres_lines -t amd.txt)" "$files" amd-smi
	printf 'Name=gpu File=/dev/dri/renderD%d Links=%s\n' 130 -1,0 136 0,-1 >gres.conf
	same "$(gres_lines -t gres.conf)" "/dev/dri/renderD130 
/dev/dri/renderD136 " "gres.conf without types"
	printf 'Name=gpu Type=mi210 MultipleFiles=/dev/dri/card%d,/dev/dri/renderD%d Links=%s\n' \
		1 128 -1,1 2 129 1,-1 >gres.conf
	same "$(gres_lines -t gres.conf)" "$files" "card and render node"
	printf 'Name=gpu Type=mi210 File=/dev/dri/card%d Links=%s\n' 1 -1,1 2 1,-1 >gres.conf
	same "$(gres_lines -t gres.conf)" "/dev/dri/card1 
/dev/dri/card2 " "the card alone"
	printf 'slurmd: Gres Name=gpu Type=(null) Count=1 Index=%d ID=7696487 File=/dev/dri/renderD%d Links=%s\n' \
		128 128 -1,1 129 129 1,-1 >slurmd.txt
	same "$(gres_lines -t slurmd.txt)" "$files" "slurmd -G"
}

@test "gres: CPUs to cores, by how they are numbered" {
	smi 0-15,32-47 16-31,48-63 >smt.txt
	same "$(gres_lines -t smt.txt)" "/dev/nvidia0 0-15
/dev/nvidia1 16-31" "first threads first"
	smi 0-3,8-11,32-35,40-43 4-7,12-15,36-39,44-47 >four.txt
	same "$(gres_lines -t four.txt)" "/dev/nvidia0 0-3,8-11
/dev/nvidia1 4-7,12-15" "four ranges"
	smi 0-63 64-127 >power.txt
	gputopo gres -t power.txt
	has "$stderr" "GPU 0: the CPUs 0-63 are taken as cores; if a core has several threads, give --threads N"
	same "$(gres_lines -t power.txt --threads 4)" "/dev/nvidia0 0-15
/dev/nvidia1 16-31" "neighbours"
	same "$(gres_lines -t power.txt --threads 1)" "/dev/nvidia0 0-63
/dev/nvidia1 64-127" "no threads"
	"$GPUTOPO" gres -t power.txt --threads 1 2>messages >/dev/null
	same "$(cat messages)" "" "all is said"
	"$GPUTOPO" show -t power.txt --json | jq '.cpu_vendor = "POWER9"' >power.json
	same "$(gres_lines -t power.json)" "/dev/nvidia0 0-15
/dev/nvidia1 16-31" "POWER9 has 4 threads"
	"$GPUTOPO" show -t power.txt --json | jq '.cpu_vendor = "ARM"' >arm.json
	same "$(gres_lines -t arm.json)" "/dev/nvidia0 0-63
/dev/nvidia1 64-127" "ARM has one"
	# neither: every other core, or one thread of each; ranges that are no pairs
	local list
	for list in 0,2,4,6 0-3,8-11,20-23 0-3,8-9; do
		smi "$list" 64-127 >list.txt
		gputopo gres -t list.txt
		has "$stderr" "GPU 0: no Cores=, since the CPUs $list do not show which cores they are"
		same "$(gres_lines -t list.txt | head -1)" "/dev/nvidia0 " "$list"
	done
	smi 0-6 7-13 >odd.txt
	gputopo gres -t odd.txt --threads 4
	has "$stderr" "GPU 0: no Cores="
	fails 2 "--threads takes 1 to 8, not 'two'" gres -t odd.txt --threads two
	# gres.conf counts cores already
	printf 'Name=gpu File=/dev/nvidia%d Cores=%s Links=%s\n' 0 0-63 -1,4 1 64-65,70 4,-1 >gres.conf
	gputopo gres -t gres.conf
	same "$stderr" "" "messages for gres.conf"
	same "$(gres_lines -t gres.conf)" "/dev/nvidia0 0-63
/dev/nvidia1 64-65,70" gres.conf
}

@test "gres refuses a partial topology" {
	printf '\tGPU0\tGPU1\tGPU2\nGPU0\t X \tNV4\tSYS\n' >cut.txt
	fails 1 "partial" gres -t cut.txt
	# lines that say nothing of links are no lines of zeros
	printf 'Name=gpu File=/dev/nvidia[0-3]\n' >gres.conf
	fails 1 "the topology is partial: no Links=: NVLinks are unknown" gres -t gres.conf
}

@test "check: a sound pair of files is silent" {
	printf 'NodeName=dgx[01-04] Topology=builtin:dgx1v\n' >gputopo.conf
	"$GPUTOPO" gres -t builtin:dgx1v --node 'dgx[01-04]' >gres.conf
	gputopo check gputopo.conf
	same "$status$stderr" 0 "status and messages"
}

@test "check: an unknown key, a missing topology, a cut one: file and line each" {
	printf '# mine\nMood=good\n' >gputopo.conf
	fails 1 "gputopo.conf:2:" check gputopo.conf
	printf 'NodeName=a Topology=gone.json\nNodeName=b Topology=cut.txt\n' >gputopo.conf
	printf '\tGPU0\tGPU1\tGPU2\nGPU0\t X \tNV4\tSYS\n' >cut.txt
	fails 1 "gone.json" check ./gputopo.conf
	has "$stderr" "gputopo.conf:2: Topology=cut.txt does not show every pair"
}

@test "check: a format that slurmctld does not read" {
	printf '<system version="1"><cpu numaid="0"><pci busid="0000:01:00.0"><gpu dev="0"/></pci></cpu></system>' >nccl.xml
	printf 'NodeName=a Topology=nccl.xml\n' >gputopo.conf
	fails 1 "gputopo.conf:1: Topology=nccl.xml is of format nccl" check ./gputopo.conf
}

@test "check: another number of GPUs; another order, and which would fit" {
	printf 'NodeName=dgx01 Topology=builtin:dgx1v\nNodeName=half Topology=builtin:dgx1v\n' >gputopo.conf
	"$GPUTOPO" gres -t builtin:dgx1v --node dgx01 >straight.conf
	# the links of GPUs 0, 2, 1, 3, 4, 5, 6, 7, numbered 0 to 7
	edit '[0,2,1,3,4,5,6,7] as $p | .links as $l | .paths as $q
		| .links = [range(8) as $i | [range(8) as $j | $l[$p[$i]][$p[$j]]]]
		| .paths = [range(8) as $i | [range(8) as $j | $q[$p[$i]][$p[$j]]]]
		| del(.path_gbps)' >turned.json
	"$GPUTOPO" gres -t turned.json --node dgx01 >gres.conf
	"$GPUTOPO" gres -t builtin:hgx-a100-4 --node half >>gres.conf
	fails 1 "gres.conf:1: dgx01: Links= number the GPUs otherwise" check ./gputopo.conf
	has "$stderr" "gres.conf:9: half: 4 GPUs, but Topology=builtin:dgx1v has 8"
	"$GPUTOPO" gres -t builtin:mi300x --node dgx01 >gres.conf
	fails 1 "contradict" check ./gputopo.conf
}

# cut_node GRES: the gres.conf of the test node with instances, as node c0 of file GRES.
cut_node() {
	sed 's/@N@/c0/g; s|@DEV@/c0-gpu|/dev/nvidia|; s|@DEV@/c0-|/dev/nvidia-caps/nvidia-|g' \
		"$SRC/tests/cluster/lib/kinds/instances" >"$1"
}

@test "instances of MIG: gres.conf is read, shown, written, and held against the file" {
	cut_node gres.conf
	"$GPUTOPO" show -t gres.conf --format gres --json >cut.json
	same "$(jq -c '[.gpus[1].instances[0], (.gpus | length), .gpus[0].instances]' cut.json)" \
		'[{"profile":"3g.20gb","start":null},6,null]' "node file"
	same "$(jq -r -f "$SRC/tests/data/node-schema.jq" cut.json)" "" schema
	"$GPUTOPO" show -t "$SRC/tests/cluster/lib/kinds/instances.json" >out.txt
	grep -q '^instances 1: 3g.20gb@4 2g.10gb@0 1g.5gb@2 1g.5gb@3$' out.txt
	printf 'NodeName=c0 Topology=%s MigPolicy=spread\n' \
		"$SRC/tests/cluster/lib/kinds/instances.json" >gputopo.conf
	gputopo check ./gputopo.conf
	same "$status$stderr" 0 "status and messages"
	sed -i '/nvidia2,/s/a100_2g.10gb/a100_1g.5gb/' gres.conf
	fails 1 "GPU 2 are 3g.20gb,1g.5gb,1g.5gb,1g.5gb, but" check ./gputopo.conf
	has "$stderr" "has 3g.20gb,2g.10gb,1g.5gb,1g.5gb"
	printf 'MigPolicy=most\n' >gputopo.conf
	fails 1 "MigPolicy=most: must be pack or spread" check ./gputopo.conf
	"$GPUTOPO" gres -t "$SRC/tests/cluster/lib/kinds/instances.json" >lines
	same "$(grep -c '^Name=gpu' lines) $(grep -c '^# GPU [12] is in MIG mode' lines)" "4 2" lines
}

@test "every node file that is written fits the schema" {
	for file in "$SRC"/etc/nodes/*.json "$SRC"/tests/data/nvml/*.json \
		"$SRC"/tests/fuzz/corpus/{gres,nvidia-smi,nccl,rocm-smi,amd-smi,nvlink,hwloc}/*; do
		"$GPUTOPO" show -t "$file" --json >out.json 2>err.txt || continue
		same "$(jq -r -f "$SRC/tests/data/node-schema.jq" out.json)" "" "$file"
		[ -s out.json ]
	done
	# the schema can find fault
	edit '.gpus[1].mig = "no" | .links[0][1] = 3' >wrong.json
	has "$(jq -r -f "$SRC/tests/data/node-schema.jq" wrong.json)" "mig is not boolean"
	has "$(jq -r -f "$SRC/tests/data/node-schema.jq" wrong.json)" "pair 0-1 is not symmetric"
}
