# SPDX-License-Identifier: GPL-2.0-or-later
# Network cards: read, shown, written, and chosen by for jobs of several nodes.

load cli.bash

SHARED=${GPUTOPO_SHARED:-$SRC/../shared/data}

setup() {
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

@test "captures without cards have none" {
	[ -d "$SHARED/topologies" ] || skip "no shared captures"
	local file
	for file in "$SHARED"/topologies/nvidia-smi-topo/*.txt; do
		grep -q "^nvidia-smi-topo/${file##*/}	" "$SRC/tests/data/nics/captures" && continue
		run -0 bash -c "'$GPUTOPO' show -t '$file' --json 2>/dev/null | jq '.nics' || true"
		[[ $output == null || $output == "" ]]
	done
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
