# SPDX-License-Identifier: GPL-2.0-or-later
# Network cards: read, shown, written, and chosen by for jobs of several nodes.

load cli.bash

SHARED=${GPUTOPO_SHARED:-$SRC/../shared/data}

setup() {
	needs_jq
	cd "$BATS_TEST_TMPDIR"
}

# nics_of TOPOLOGY: NAME=NEAR[@GBPS] of each card.
nics_of() {
	"$GPUTOPO" show -t "$1" --json | jq -r '.nics // [] | map(.name + "=" +
		((.near | map(tostring) | join(",")) as $n | if $n == "" then "-" else $n end) +
		(if .gbps == null then "" else "@\(.gbps)" end)) | join(" ")'
}

@test "every capture with cards has the right ones, near to the right GPUs" {
	[ -d "$SHARED/topologies" ] || skip "no shared captures"
	local file want got rows=0
	while IFS=$'\t' read -r file want; do
		[[ $file != \#* ]] || continue
		got=$(nics_of "$SHARED/topologies/$file")
		same "$got" "$want" "cards of $file"
		rows=$((rows + 1))
	done <"$SRC/tests/data/nics/captures"
	[ "$rows" -ge 78 ]
}

@test "built-in machines have the cards of the documents that they name" {
	local name want
	while IFS=$'\t' read -r name want; do
		[[ $name != \#* ]] || continue
		same "$(nics_of "builtin:$name")" "$want" "cards of $name"
		"$GPUTOPO" show -t "builtin:$name" --json |
			jq -e '.notes | any(startswith("NICs: "))' >/dev/null
	done <"$SRC/tests/data/nics/builtins"
	# every one with cards is in the table
	for name in "$SRC"/etc/nodes/*.json; do
		jq -e '.nics' "$name" >/dev/null || continue
		name=${name##*/}
		grep -q "^${name%.json}	" "$SRC/tests/data/nics/builtins"
	done
}

@test "what nvidia-smi would print of the machines in XML has the same cards" {
	[ -d "$SHARED/topologies" ] || skip "no shared captures"
	local file want rows=0
	while IFS=$'\t' read -r file want; do
		[[ $file == *.xml ]] || continue
		"$GPUTOPO" show -t "$SHARED/topologies/$file" --matrix >matrix.txt
		same "$(nics_of matrix.txt)" "$(sed 's/@[0-9.]*//g' <<<"$want")" "cards of $file as a matrix"
		rows=$((rows + 1))
	done <"$SRC/tests/data/nics/captures"
	[ "$rows" -ge 42 ]
}

@test "captures without cards have none" {
	[ -d "$SHARED/topologies" ] || skip "no shared captures"
	local file rows=0
	for file in "$SHARED"/topologies/nvidia-smi-topo/*.txt; do
		grep -q "^nvidia-smi-topo/${file##*/}	" "$SRC/tests/data/nics/captures" && continue
		gputopo show -t "$file" --json
		if [ "$status" != 0 ]; then
			same "$status" 1 "status of ${file##*/}, which is refused: $stderr"
			continue
		fi
		same "$(json .nics)" null "cards of ${file##*/}"
		rows=$((rows + 1))
	done
	[ "$rows" -ge 30 ]
}

# the machine of the tests: 8 A100, a card for each two GPUs
a100_with_4() {
	{
		printf '\tGPU0\tGPU1\tGPU2\tGPU3\tGPU4\tGPU5\tGPU6\tGPU7\tNIC0\tNIC1\tNIC2\tNIC3\tCPU Affinity\n'
		local g k
		for g in 0 1 2 3 4 5 6 7; do
			printf 'GPU%d' $g
			for k in 0 1 2 3 4 5 6 7; do
				[ $k = $g ] && printf '\t X ' || printf '\tNV12'
			done
			for k in 0 1 2 3; do
				[ $k = $((g / 2)) ] && printf '\tPXB' || printf '\tSYS'
			done
			printf '\t0-31\n'
		done
		printf '\nNIC Legend:\n\n'
		for k in 0 1 2 3; do printf '  NIC%d: mlx5_%d\n' $k $((2 * k)); done
	} >a100.txt
}

@test "pick --multi-node takes the GPUs of different cards" {
	a100_with_4
	gputopo pick -t a100.txt -n 4 --multi-node --json
	json_is '[.gpus, .nic_gbps, .nics, .rails]' \
		'[[0,2,4,6],4,["mlx5_0","mlx5_2","mlx5_4","mlx5_6"],[0,1,2,3]]'
	# as ever for one node
	gputopo pick -t a100.txt -n 4 --json
	json_is '[.gpus, .nics]' '[[0,1,2,3],null]'
	gputopo pick -t a100.txt -n 2 --multi-node --free 0,1,6,7
	has "$output" "2 NICs through mlx5_0 mlx5_6, rails 0,3"
	# the rails of the job's other nodes
	gputopo pick -t a100.txt -n 2 --rails 2-3 --json
	json_is '[.gpus, .rails]' '[[4,6],[2,3]]'
	gputopo pick -t a100.txt -n 2 --multi-node --free 0-2 --explain
	has "$output" "near NICs"
	has "$output" "Level n decides: more reaches the other nodes of the job."
	fails 2 "--rails: " pick -t a100.txt -n 2 --rails 64
	gputopo pick -t builtin:l40s-8 -n 2 --multi-node
	has "$output" "the model of the node has no NICs"
}

@test "with speeds the smaller of the network and the links counts" {
	a100_with_4
	"$GPUTOPO" show -t a100.txt --json |
		jq '.nics |= map(.gbps = 25) | .nics[3].gbps = 50' >node.json
	gputopo pick -t node.json -n 2 --multi-node --json
	json_is '[.gpus, .nic_gbps]' '[[0,6],75]'
	gputopo pick -t node.json -n 1 --multi-node --json
	json_is '[.gpus, .nic_gbps, .busbw_gbps]' '[[6],50,null]'
}

# matrix COLUMN...: nvidia-smi topo -m of 4 GPUs, card k beside GPU k % 4.
matrix() {
	local g k l
	printf '\tGPU0\tGPU1\tGPU2\tGPU3'
	printf '\t%s' "$@"
	printf '\tCPU Affinity\n'
	for ((g = 0; g < 4; g++)); do
		printf 'GPU%d' $g
		for ((k = 0; k < 4; k++)); do [ $k = $g ] && printf '\t X ' || printf '\tNV12'; done
		for ((k = 0; k < $#; k++)); do [ $((k % 4)) = $g ] && printf '\tPIX' || printf '\tSYS'; done
		printf '\t0-31\n'
	done
	for ((k = 0; k < $#; k++)); do
		printf '%s' "${@:k + 1:1}"
		for ((g = 0; g < 4; g++)); do [ $((k % 4)) = $g ] && printf '\tPIX' || printf '\tSYS'; done
		for ((l = 0; l < $#; l++)); do [ $k = $l ] && printf '\t X ' || printf '\tSYS'; done
		printf '\n'
	done
}

# legend NAME...: the legend of NIC0, NIC1, ...
legend() {
	local k=0 name
	printf '\nNIC Legend:\n\n'
	for name; do printf '  NIC%d: %s\n' $((k++)) "$name"; done
}

# near NAME...: what nics_of is to print of the matrix.
near() {
	local k=0 name text=
	for name; do text+="$name=$((k++ % 4)) "; done
	echo "${text% }"
}

@test "26 and 43 cards, any names, and legends that are cut or on one line" {
	local n
	for n in 26 43; do
		mapfile -t column < <(seq -f NIC%g 0 $((n - 1)))
		mapfile -t name < <(seq -f mlx5_%g 0 $((n - 1)))
		{ matrix "${column[@]}"; legend "${name[@]}"; } >t.txt
		same "$(nics_of t.txt)" "$(near "${name[@]}")" "$n cards"
		matrix "${column[@]}" >t.txt
		same "$(nics_of t.txt)" "$(near "${column[@]}")" "$n cards without a legend"
	done
	matrix mlx5_bond_0 ibp24s0 roceP2p1s0 cx7_0 bnxt_re0 hfi1_0 ib0 eno1np0 >t.txt
	same "$(nics_of t.txt)" "$(near mlx5_bond_0 ibp24s0 roceP2p1s0 cx7_0 bnxt_re0 hfi1_0 ib0 eno1np0)" names
	{ matrix NIC0 NIC1 NIC2 NIC3; legend mlx5_bond_0 "mlx5 1"; } >t.txt
	same "$(nics_of t.txt)" "$(near mlx5_bond_0 "mlx5 1" NIC2 NIC3)" "half a legend, a blank in a name"
	{ matrix NIC0 NIC1; echo "NIC Legend:   NIC0: ibp24s0   NIC1: cx7 0 "; } >t.txt
	same "$(nics_of t.txt)" "ibp24s0=0,2,3 cx7 0=1,2,3" "a legend on one line"
	# only the GPUs' rows
	matrix NIC0 NIC1 NIC2 NIC3 | head -n 5 >t.txt
	same "$(nics_of t.txt)" "$(near NIC0 NIC1 NIC2 NIC3)" "without the cards' rows"
}

# card BUS NAME TYPE: an hwloc PCI device with an OS device in it; 2 is Ethernet, 3 InfiniBand.
card() {
	printf '<object type="PCIDev" gp_index="9%s1" pci_busid="0000:%s:00.1" pci_type="0207 [15b3:101b] [15b3:0007] 00" pci_link_speed="31.507692"><object type="OSDev" gp_index="9%s2" name="%s" osdev_type="%s"/></object>' \
		"$1" "$1" "$1" "$2" "$3"
}

@test "probe: the cards of this machine by hwloc, their rates by sysfs" {
	# a card beside GPUs 0, 2 and 4, a slow port at GPU 6; the others reach all of their
	# socket by its host bridge
	local xml=$SRC/tests/data/nvml/two-sockets.xml bus
	cp "$xml" machine.xml
	for bus in 11 13 91; do
		sed -i "/PCIDev.*pci_busid=\"0000:$bus:00.0\"/a $(card $bus mlx5_$bus 3)" machine.xml
		mkdir -p root/class/infiniband/mlx5_$bus/ports/1
		echo '200 Gb/sec (4X HDR)' >root/class/infiniband/mlx5_$bus/ports/1/rate
		echo InfiniBand >root/class/infiniband/mlx5_$bus/ports/1/link_layer
	done
	sed -i "/PCIDev.*pci_busid=\"0000:93:00.0\"/a $(card 93 eno1 2)" machine.xml
	mkdir -p root/class/net/eno1
	echo 1000 >root/class/net/eno1/speed
	probe() {
		LD_LIBRARY_PATH=${GPUTOPO_BUILDDIR:-$SRC/build}/tests/mock/.libs \
		GPUTOPO_FAKE_NVML=$SRC/tests/data/nvml/hgx-h100.machine \
		HWLOC_XMLFILE=machine.xml HWLOC_THISSYSTEM=0 GPUTOPO_SYSFS=$1 \
			"$GPUTOPO" probe -o out.json
	}
	probe "$PWD/root"
	same "$(nics_of out.json)" "mlx5_11=0,1,3@25 mlx5_13=1,2,3@25 mlx5_91=4,5,6,7@25" cards
	has "$(jq -r '.notes[]' out.json)" "NIC eno1 is left out"
	# without rates: the speed of the slot
	probe "$PWD/nowhere"
	same "$(nics_of out.json)" \
		"mlx5_11=0,1,3@31.508 mlx5_13=1,2,3@31.508 mlx5_91=4,5,7@31.508 eno1=5,6,7@31.508" cards
}

@test "nodes of 16 GPUs and more" {
	gputopo pick -t builtin:dgx2 -n 8 --multi-node --json
	json_is '[.gpus, .nic_gbps, .exact]' '[[0,2,4,6,8,10,12,14],100,true]'
	gputopo pick -t builtin:dgx2 -n 4 --rails 4-7 --json
	json_is '[.gpus, .nic_gbps, .rails]' '[[8,10,12,14],50,[4,5,6,7]]'
	gputopo pick -t builtin:dgx2 -n 4 --multi-node --free 0-5,9 --json
	json_is '[.gpus, .nic_gbps]' '[[0,2,4,9],50]'
	gputopo pick -t builtin:dgx2 -n 4 --multi-node --free 0-5,9 --explain
	has "$output" "50 GB/s through mlx5_0 mlx5_1 mlx5_2 mlx5_6, rails 0-2,4"
	gputopo pick -t builtin:dgx2 -n 3 --multi-node --include 1 --free 0-3,9 --json
	json_is '.gpus' '[1,2,9]'
	gputopo pick -t builtin:dgx2 -n 8 --json
	json_is '.gpus' '[0,1,2,3,4,5,6,7]'
}

@test "show: table, matrix, picture and Graphviz have the cards; what is written reads the same" {
	a100_with_4
	gputopo show -t a100.txt
	has "$output" "NICs      mlx5_0          near 0-1, rail 0"
	"$GPUTOPO" show -t a100.txt --json >node.json
	"$GPUTOPO" show -t node.json --json >again.json
	cmp node.json again.json
	"$GPUTOPO" show -t a100.txt --matrix >matrix.txt
	same "$(nics_of matrix.txt)" "$(nics_of a100.txt)" "cards of the matrix"
	has "$("$GPUTOPO" show -t a100.txt --svg -)" ">mlx5_6<"
	has "$("$GPUTOPO" show -t a100.txt --dot)" 'label="mlx5_6"'
}

@test "node files: near without paths, rails of the file, and what is refused" {
	a100_with_4
	"$GPUTOPO" show -t a100.txt --json >node.json
	jq '.nics = [{name: "a", near: [0, 1], rail: 5}, {name: "b", gbps: 12.5, near: [2], rail: 1}]' \
		node.json >t.json
	gputopo show -t t.json --json
	json_is '.nics | map([.name, .gbps, .rail, .near])' \
		'[["a",null,5,[0,1]],["b",12.5,1,[2]]]'
	local what
	while IFS=@ read -r what message; do
		jq ".nics = $what" node.json >t.json
		fails 1 "$message" show -t t.json
	done <<-'END'
	{}@nics is not a list
	[7]@NIC 0 is not an object
	[{"name": "a", "near": [8]}]@NIC 0 names a GPU that is not there
	[{"name": "a"}]@NIC 0: paths has not 8 entries
	[{"name": "a", "paths": ["NV2"]}]@NIC 0: paths has not 8 entries
	[{"name": "a", "paths": ["NV2","SYS","SYS","SYS","SYS","SYS","SYS","SYS"]}]@NIC 0, GPU 0: not a path to a card
	[{"name": "a", "near": [0], "gbps": -1}]@NIC 0: gbps is not a positive number
	[{"name": "a", "near": [0], "rail": 64}]@NIC 0: rail is not 0 to 63
	[range(65) | {name: "c\(.)", near: [0]}]@more than 64 NICs
	END
}
