# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo mig: tables, placement, plans and advice as the program prints them.

load cli.bash

setup() {
	cd "$BATS_TEST_TMPDIR"
}

@test "mig show lists every table" {
	gputopo mig show
	same "$status" 0 status
	same "${#lines[@]}" 13 "number of tables"
	has "$output" "RTX-PRO-6000-Blackwell-96GB"
}

@test "mig show --json has the fields of the design" {
	gputopo mig show --gpu A100-80GB --json
	same "$status" 0 status
	json_is .gpu '"A100-80GB"'
	json_is .units 8
	json_is '.profiles | length' 7
	json_is '.profiles[4] | {name, id, compute, size, starts, max}' \
		'{"name":"3g.40gb","id":9,"compute":3,"size":4,"starts":[0,4],"max":2}'
}

@test "the same index is another profile on another GPU: id 14" {
	gputopo mig show --gpu A30 --json
	json_is '.profiles[] | select(.id == 14) | .name' '"1g.6gb"'
	gputopo mig show --gpu A100-40GB --json
	json_is '.profiles[] | select(.id == 14) | .name' '"2g.10gb"'
}

@test "mig show draws the legal starts and marks what was concluded" {
	gputopo mig show --gpu H200
	same "$status" 0 status
	has "$output" "[3g.71gb               ][3g.71gb               ]"
	has "$output" "7g.141gb           0?"
	gputopo mig show --gpu A100-40GB
	has "$output" "3g.20gb and 4g.20gb share a GPU from driver 510 on."
}

@test "an old driver has fewer profiles" {
	gputopo mig show --gpu A100-40GB --driver 460 --json
	json_is '[.profiles[].name] | index("1g.10gb")' null
	json_is '.profiles | length' 5
	gputopo mig plan --gpu A100-40GB --driver 460 --request 4g.20gb,3g.20gb --json
	json_is .gpus 2
	gputopo mig plan --gpu A100-40GB --request 4g.20gb,3g.20gb --json
	json_is .gpus 1
}

@test "what show prints is read again: a table of an unknown GPU" {
	"$GPUTOPO" mig show --gpu H100-80GB --json |
		jq '.gpu = "X900" | .profiles[0].name = "1g.99gb"' > x900.json
	gputopo mig show --table x900.json --json
	same "$status" 0 status
	json_is .gpu '"X900"'
	json_is '.profiles[0].name' '"1g.99gb"'
	json_is '.profiles[0].starts_confirmed' true
	gputopo mig place --table x900.json --request 1g.99gb --json
	json_is .start 6
}

@test "mig place --json has the fields of the design" {
	gputopo mig place --gpu A100-80GB --count 4 --used 0:3g.40gb@4 --request 2g.20gb --json
	same "$status" 0 status
	json_is 'del(.policy) | keys' \
		'["gpu","profile","size","start","stranded_after","stranded_before"]'
	json_is .profile '"2g.20gb"'
	json_is .size 2
	json_is '.stranded_after >= 0' true
}

@test "policies differ: pack fills a GPU, spread takes an empty one, first the lowest" {
	used=1:3g.40gb@4
	gputopo mig place -g A100-80GB -n 3 -u $used -r 2g.20gb -p pack --json
	json_is '[.gpu, .start]' '[1,0]'
	gputopo mig place -g A100-80GB -n 3 -u $used -r 2g.20gb -p spread --json
	json_is '[.gpu, .start]' '[0,4]'
	gputopo mig place -g A100-80GB -n 3 -u $used -r 2g.20gb -p first --json
	json_is '[.gpu, .start]' '[0,0]'
	gputopo mig place -g A100-80GB -n 3 -u $used -r 2g.20gb -p driver --json
	json_is '[.gpu, .start]' '[0,4]'
	gputopo mig place -g A100-80GB -n 3 -u $used -r 2g.20gb -p same-size --json
	json_is '[.gpu, .start]' '[0,4]'
}

@test "the default keeps a half for the large profiles" {
	gputopo mig place -g A100-80GB -n 2 -u 0:3g.40gb@4,1:1g.10gb@0 -r 2g.20gb --json
	json_is '[.gpu, .start, .policy]' '[1,2,"lookahead"]'
}

@test "stranded slices are counted by hand: a 1g in a half that only 3g and 4g want" {
	# 3g and 4g lose slices 1 to 3 to the 1g at 0: 3 free slices, unusable for both. 3g
	# could still use 4 to 7; 4g never could.
	gputopo mig place -g A100-80GB -n 1 -r 1g.10gb -p first --mix 3g.40gb:1,4g.40gb:1 --json
	json_is '.start' 0
	json_is '.stranded_before == 0 and .stranded_after == 3' true
}

@test "exit status 3: it fits nowhere" {
	fails 3 "1g.10gb does not fit on any of 2 GPUs" mig place -g A100-80GB \
		-u 0:7g.80gb@0,1:7g.80gb@0 -r 1g.10gb
	# Slice 7 is no place for a 1g.
	fails 3 "does not fit on any of 1 GPUs" mig place -g A100-80GB \
		-u 0:4g.40gb@0,0:1g.10gb@4,0:1g.10gb@5,0:1g.10gb@6 -r 1g.10gb
	# One instance with media engines a GPU.
	fails 3 "1g.10gb+me does not fit on any" mig place -g A100-80GB -u 0:1g.10gb+me@0 -r 1g.10gb+me
}

@test "mig plan --json has the fields of the design" {
	gputopo mig plan --gpu A100-80GB --request 7x1g.10gb,3x3g.40gb --json
	same "$status" 0 status
	json_is '[.gpus, .exact]' '[3,true]'
	json_is '[.layout[][].profile] | group_by(.) | map(length)' '[7,3]'
	json_is '.layout[0][0] | keys' '["profile","size","start"]'
}

@test "mig plan from a layout keeps what it can" {
	gputopo mig plan -g A100-80GB -r 3x3g.40gb,2g.20gb \
		-u 0:3g.40gb@4,1:3g.40gb@0,2:3g.40gb@4 --json
	json_is '[.gpus, .kept, .recreated, .created]' '[2,2,1,1]'
	json_is '[.layout[][] | select(.kept)] | length' 2
}

@test "exit status 3: more GPUs are needed than there are" {
	fails 3 "3 GPUs are needed, there are 2" mig plan -g A100-80GB -n 2 -r 3x7g.80gb
}

@test "mig advise: the smallest profile that held the load, and what that frees" {
	gputopo mig advise -g A100-80GB -u 4x3g.40gb:8.5:35,7g.80gb:30:20,1g.10gb:9:99 --json
	same "$status" 0 status
	json_is '[.advice[].advice]' '["2g.20gb","3g.40gb","1g.10gb"]'
	json_is '[.advice[].freed_units]' '[8,4,0]'
	json_is '[.freed_units, .gpus, .gpus_advised]' '[12,4,2]'
	gputopo mig advise -g A100-80GB -u 2x3g.40gb:35:10 --headroom 1.3
	has "$output" "is the smallest that holds it"
}

@test "wrong usage is status 2 with a sentence" {
	fails 2 "'eat' is not a command; see 'gputopo mig --help'" mig eat
	fails 2 "give either --gpu MODEL or --table FILE" mig place -r 1g.10gb
	fails 2 "give either --gpu MODEL or --table FILE" mig place -g A30 --table x -r 1g.10gb
	fails 2 "the profile is missing" mig place -g A30
	fails 2 "no MIG table for the GPU 'V100'; known: A30-24GB" mig show -g V100
	fails 2 "'A100' may be A100-40GB, A100-80GB: which?" mig show -g A100
	fails 2 "A100-80GB has no profile '1g.5gb'; it has 1g.10gb" mig place -g A100-80GB -r 1g.5gb
	fails 2 "3g.40gb cannot start at 2, only at 0, 4" mig place -g A100-80GB -u 0:3g.40gb@2 -r 1g.10gb
	fails 2 "2g.20gb@4 overlaps 3g.40gb@4 on GPU 0" mig place -g A100-80GB \
		-u 0:3g.40gb@4,0:2g.20gb@4 -r 1g.10gb
	fails 2 "no GPU 4: there are 4" mig place -g A100-80GB -n 4 -u 4:3g.40gb@4 -r 1g.10gb
	fails 2 "is not GPU:PROFILE@START" mig place -g A100-80GB -u 3g.40gb -r 1g.10gb
	fails 2 "is not a policy" mig place -g A30 -r 1g.6gb -p best
	fails 2 "is not PROFILE:WEIGHT" mig place -g A30 -r 1g.6gb -m 1g.6gb
	fails 2 "'0' is not a number from 1 to" mig place -g A30 -r 1g.6gb -n 0
	fails 2 "one argument too many" mig show -g A30 more
	fails 2 "asks for no instance" mig plan -g A30 -r 0x1g.6gb
	fails 2 "the demand is missing" mig plan -g A30
	fails 2 "is not [COUNTx]PROFILE:GIB:BUSY" mig advise -g A30 -u 1g.6gb
	fails 2 "is not [COUNTx]PROFILE:GIB:BUSY" mig advise -g A30 -u 1g.6gb:1:101
	fails 2 "is not a number from 1 to 100" mig advise -g A30 -u 1g.6gb:1:1 -H 0.5
}

@test "a bad table is status 1 with the file" {
	echo '{"gpu": "X", "units": 8, "profiles": [' > bad.json
	fails 1 "gputopo: bad.json:" mig show --table bad.json
	fails 1 "gputopo: none.json: No such file" mig show --table none.json
	"$GPUTOPO" mig show --gpu A30 --json | jq '.profiles[0].starts = [4]' > bad.json
	fails 1 "reaches beyond the last unit" mig show --table bad.json
}

@test "every command has a manual" {
	for c in show place plan advise; do
		gputopo mig $c --help
		same "$status" 0 "status of $c"
		has "$output" "Usage: gputopo mig $c"
	done
	gputopo mig --help
	has "$output" "Usage: gputopo mig COMMAND"
	gputopo mig
	same "$status" 2 "status without a command"
}
