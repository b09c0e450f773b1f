# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo show: golden matrices from the published link tables, and bad input.

load cli.bash

setup() {
	needs_jq
	cd "$BATS_TEST_TMPDIR"
}

# The links of DGX-1V, as published: a hybrid cube mesh.
DGX1V_LINKS='[[0,1,1,2,2,0,0,0],[1,0,2,1,0,2,0,0],[1,2,0,2,0,0,1,0],[2,1,2,0,0,0,0,1],[2,0,0,0,0,1,1,2],[0,2,0,0,1,0,2,1],[0,0,1,0,1,2,0,2],[0,0,0,1,2,1,2,0]]'

@test "--json is the node file of the design" {
	gputopo show -t builtin:dgx1v --json
	same "$status" 0 status
	json_is ".version" 1
	json_is ".fabric" '"mesh"'
	json_is ".link_gbps == 20" true
	json_is ".gpus | length" 8
	json_is ".links" "$DGX1V_LINKS"
	json_is ".paths[0][:5]" '["X","NV1","NV1","NV2","NV2"]'
	json_is ".bandwidth_gbps[0][0]" null
	json_is ".bandwidth_gbps[0][3] == 40" true
	json_is ".partial" false
	json_is ".gpus[0] | keys" '["bus_id","cpus","healthy","index","island","mem_mib","mig","minor","model","module_id","numa","pci_root","socket","switch_links","uuid"]'
	json_is '["name", "cpu_vendor", "groups", "domain", "notes", "source"] - keys' '[]'
}

@test "--json of a switched machine names one island with every GPU's links" {
	gputopo show -t builtin:hgx-h100 --json
	json_is ".fabric" '"switch"'
	json_is "[.gpus[].switch_links]" '[18,18,18,18,18,18,18,18]'
	json_is "[.gpus[].island] | unique | length" 1
	json_is ".links[0][7]" 18
}

@test "a node file reads back as itself, for every built-in machine" {
	for file in "$SRC"/etc/nodes/*.json; do
		name=$(basename "$file" .json)
		"$GPUTOPO" show -t "builtin:$name" --json >one.json
		"$GPUTOPO" show -t one.json --json >two.json
		same "$(jq -S 'del(.source)' two.json)" "$(jq -S 'del(.source)' one.json)" "$name"
	done
}

@test "--matrix in nvidia-smi's vocabulary: DGX-1V" {
	expected="	GPU0	GPU1	GPU2	GPU3	GPU4	GPU5	GPU6	GPU7	NIC0	NIC1	NIC2	NIC3	CPU Affinity	NUMA Affinity
GPU0	 X 	NV1	NV1	NV2	NV2	SYS	SYS	SYS	PIX	NODE	SYS	SYS	0-19,40-59	0
GPU1	NV1	 X 	NV2	NV1	SYS	NV2	SYS	SYS	PIX	NODE	SYS	SYS	0-19,40-59	0
GPU2	NV1	NV2	 X 	NV2	SYS	SYS	NV1	SYS	NODE	PIX	SYS	SYS	0-19,40-59	0
GPU3	NV2	NV1	NV2	 X 	SYS	SYS	SYS	NV1	NODE	PIX	SYS	SYS	0-19,40-59	0
GPU4	NV2	SYS	SYS	SYS	 X 	NV1	NV1	NV2	SYS	SYS	PIX	NODE	20-39,60-79	1
GPU5	SYS	NV2	SYS	SYS	NV1	 X 	NV2	NV1	SYS	SYS	PIX	NODE	20-39,60-79	1
GPU6	SYS	SYS	NV1	SYS	NV1	NV2	 X 	NV2	SYS	SYS	NODE	PIX	20-39,60-79	1
GPU7	SYS	SYS	SYS	NV1	NV2	NV1	NV2	 X 	SYS	SYS	NODE	PIX	20-39,60-79	1
NIC0	PIX	PIX	NODE	NODE	SYS	SYS	SYS	SYS	 X 	?	?	?
NIC1	NODE	NODE	PIX	PIX	SYS	SYS	SYS	SYS	?	 X 	?	?
NIC2	SYS	SYS	SYS	SYS	PIX	PIX	NODE	NODE	?	?	 X 	?
NIC3	SYS	SYS	SYS	SYS	NODE	NODE	PIX	PIX	?	?	?	 X 

NIC Legend:

  NIC0: mlx5_0
  NIC1: mlx5_1
  NIC2: mlx5_2
  NIC3: mlx5_3"
	prints "$expected" show -t builtin:dgx1v --matrix
}

@test "--matrix reads back as the same links and paths, for every built-in machine" {
	for file in "$SRC"/etc/nodes/*.json; do
		name=$(basename "$file" .json)
		"$GPUTOPO" show -t "builtin:$name" --json >one.json
		"$GPUTOPO" show -t "builtin:$name" --matrix >matrix.txt
		"$GPUTOPO" show -t matrix.txt --json >two.json
		same "$(jq -c '.links, .paths' two.json)" "$(jq -c '.links, .paths' one.json)" \
			"$name"
	done
}

@test "a topology on standard input" {
	"$GPUTOPO" show -t builtin:dgx1v --matrix >matrix.txt
	run bash -c "'$GPUTOPO' show -t - --json <matrix.txt"
	same "$status" 0 status
	json_is ".links" "$DGX1V_LINKS"
}

@test "--model names the GPU where the format does not" {
	"$GPUTOPO" show -t builtin:dgx1v --matrix >matrix.txt
	gputopo show -t matrix.txt --model "Tesla P100-SXM2-16GB" --json
	json_is ".link_gbps == 18" true
	gputopo show -t matrix.txt --json
	json_is ".link_gbps == 20" true
	json_is ".notes | length > 0" true
}

@test "the summary: best sets of the idle DGX-1V, as published" {
	gputopo show -t builtin:dgx1v
	same "$status" 0 status
	has "$output" "8 x Tesla V100"
	best=$(printf '%s\n' "$output" | sed -n '/^the best set/,$p' | tail -n +2)
	same "$best" "  2 GPUs  0,3             40 GB/s
  3 GPUs  0,2-3           40 GB/s
  4 GPUs  0-3             80 GB/s
  5 GPUs  0,2-4,7         40 GB/s
  6 GPUs  0,2-4,6-7       80 GB/s
  7 GPUs  0-6             80 GB/s
  8 GPUs  0-7             120 GB/s" "best sets"
}

@test "--mark says what a job on these GPUs would get" {
	gputopo show -t builtin:dgx1v --mark 0-1
	has "$output" "marked    0-1             20 GB/s"
	fails 2 "--mark: '9' is not a list of GPUs between 0 and 7" \
		show -t builtin:dgx1v --mark 9
}

@test "one form at a time" {
	fails 2 "one of them" show -t builtin:dgx1v --json --matrix
}

# ---- bad input: file and line, status 1, no model ----

@test "a file that is not there" {
	fails 1 "gputopo: no/such/file: " show -t no/such/file
}

@test "a folder" {
	fails 1 "gputopo: $BATS_TEST_TMPDIR: " show -t "$BATS_TEST_TMPDIR"
}

@test "a file that may not be read" {
	[ "$(id -u)" != 0 ] || skip "root reads everything"
	"$GPUTOPO" show -t builtin:dgx1v --json >secret.json
	chmod 0 secret.json
	fails 1 "gputopo: secret.json: " show -t secret.json
}

@test "an empty file" {
	: >empty
	fails 1 "gputopo: empty: " show -t empty
}

@test "a text of no known format" {
	echo "once upon a time" >tale
	fails 1 "gputopo: tale" show -t tale
}

@test "JSON cut in the middle: file and line" {
	"$GPUTOPO" show -t builtin:dgx1v --json >whole.json
	jq . whole.json >lines.json
	head -n 40 lines.json | head -c -3 >cut.json
	count=$(wc -l <cut.json)
	gputopo show -t cut.json
	same "$status" 1 status
	same "$output" "" data
	[[ $stderr =~ ^gputopo:\ cut\.json:([0-9]+):\  ]]
	[ "${BASH_REMATCH[1]}" -ge 1 ]
	[ "${BASH_REMATCH[1]}" -le $((count + 1)) ]
}

@test "JSON with a matrix that is not square: file and the key" {
	edit '.links[3] |= .[:-1]' >odd.json
	fails 1 "gputopo: odd.json" show -t odd.json
	has "$stderr" "links"
}

@test "a matrix cut in the middle of a line: file and line" {
	"$GPUTOPO" show -t builtin:dgx1v --matrix | head -n 4 | head -c -30 >cut.txt
	gputopo show -t cut.txt --json
	# A cut matrix is either refused with its line, or said to be partial.
	if [ "$status" = 0 ]; then
		json_is ".partial" true
		json_is ".notes | length > 0" true
	else
		same "$status" 1 status
		[[ $stderr =~ ^gputopo:\ cut\.txt:[0-9]+:\  ]]
	fi
}

@test "a model that contradicts itself: two GPUs with one UUID" {
	edit '.gpus[0, 1].uuid = "GPU-0"' >twice.json
	fails 1 "gputopo: twice.json" show -t twice.json
	has "$stderr" "UUID"
}

@test "a built-in machine that does not exist" {
	fails 1 "no built-in machine 'nope'" show -t builtin:nope
}

@test "a format that does not exist" {
	"$GPUTOPO" show -t builtin:dgx1v --json >node.json
	fails 1 "braille" show -t node.json --format braille
}
