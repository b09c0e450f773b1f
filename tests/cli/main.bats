# SPDX-License-Identifier: GPL-2.0-or-later
# The program as a whole: help, version, commands it does not have, output it cannot write.

load cli.bash

@test "without a command: the manual on standard error, status 2" {
	fails 2 "Usage: gputopo COMMAND"
}

@test "an unknown command is wrong usage" {
	fails 2 "gputopo: 'fly' is not a command" fly
}

@test "--help lists every command, and every command has --help and --version" {
	gputopo --help
	same "$status" 0 status
	commands=$(printf '%s\n' "$output" | sed -n 's/^  \([a-z][a-z]*\)  *.*/\1/p')
	has "$commands" show
	has "$commands" pick
	has "$commands" order
	for command in $commands; do
		gputopo "$command" --help
		same "$status" 0 "status of $command --help"
		has "$output" "Usage: gputopo $command"
		has "$output" "--help"
		gputopo "$command" --version
		same "$status" 0 "status of $command --version"
		has "$output" "gputopo "
	done
}

@test "--version names the program and its version" {
	gputopo --version
	same "$status" 0 status
	[[ $output =~ ^gputopo\ [0-9]+\.[0-9]+\.[0-9]+ ]]
}

@test "an unknown option is wrong usage and points to the manual" {
	fails 2 "unrecognized option '--fast'" pick --fast
	has "$stderr" "gputopo pick --help"
	fails 2 "unrecognized option '--fast'" show --fast
	fails 2 "unrecognized option '--fast'" order --fast
}

@test "an option without its argument is wrong usage" {
	fails 2 "requires an argument" pick -t
	fails 2 "requires an argument" pick -t builtin:dgx1v -n
}

@test "one argument too many is wrong usage" {
	fails 2 "'extra' is one argument too many" show -t builtin:dgx1v extra
	fails 2 "'extra' is one argument too many" pick -t builtin:dgx1v -n 2 extra
	fails 2 "'extra' is one argument too many" order -t builtin:dgx1v --gpus 0 extra
}

@test "no topology is wrong usage" {
	fails 2 "the topology is missing" show
	fails 2 "the topology is missing" pick -n 2
	fails 2 "the topology is missing" order --gpus 0
}

@test "output that cannot be written is a failure" {
	[ -w /dev/full ] || skip "no /dev/full"
	run bash -c "'$GPUTOPO' show -t builtin:dgx1v --json 2>&1 >/dev/full"
	same "$status" 1 status
	has "$output" "gputopo: standard output:"
}

@test "an unknown name names the nearest" {
	fails 2 "'shwo' is not a command; did you mean 'gputopo show'?" shwo
	fails 2 "did you mean 'gputopo sim replay'?" sim repaly
	fails 1 "did you mean builtin:dgx1v?" show -t builtin:dgx1vv
	fails 1 "did you mean builtin:hgx-h100?" show -t hgx-h100
	fails 1 "gputopo show --list names the built-in machines" show -t builtin:zzzzzzzz
	gputopo show --list
	same "$status" 0 status
	has "$output" "builtin:dgx1v                     8 x Tesla V100-SXM2-32GB"
	local name
	while read -r name _; do
		gputopo show -t "$name"
		same "$status" 0 "$name"
	done < <("$GPUTOPO" show --list)
}
