# SPDX-License-Identifier: GPL-2.0-or-later
# For tests of the program: run it, look at status, output and messages apart.

bats_require_minimum_version 1.5.0

GPUTOPO=${GPUTOPO_BUILDDIR:-$BATS_TEST_DIRNAME/../../build}/gputopo
SRC=${GPUTOPO_SRCDIR:-$BATS_TEST_DIRNAME/../..}

# gputopo ARGS...: sets $status, $output (data) and $stderr (messages).
gputopo() {
	run --separate-stderr "$GPUTOPO" "$@"
}

# fails STATUS "MESSAGE" ARGS...: that status, nothing but messages, and MESSAGE among them.
fails() {
	local want_status=$1 want_message=$2
	shift 2
	gputopo "$@"
	same "$status" "$want_status" "exit status of: gputopo $*"
	# check has a summary of what is sound
	[ "$1" = check ] || same "$output" "" "data of: gputopo $*"
	has "$stderr" "$want_message"
}

# prints "DATA" ARGS...: success, exactly these data, and no message.
prints() {
	local want=$1
	shift
	gputopo "$@"
	same "$stderr" "" "messages of: gputopo $*"
	same "$status" 0 "exit status of: gputopo $*"
	same "$output" "$want" "data of: gputopo $*"
}

same() {
	if [ "$1" != "$2" ]; then
		printf '%s\n  is:     %s\n  should: %s\n' "$3" "$1" "$2"
		return 1
	fi
}

has() {
	case $1 in
	*"$2"*) ;;
	*)
		printf 'is:     %s\nshould: ...%s...\n' "$1" "$2"
		return 1
		;;
	esac
}

# In setup: most of these tests look into JSON.
needs_jq() {
	command -v jq >/dev/null || skip "jq is not installed"
}

# json FILTER: of $output, by jq; numbers with a fraction are better compared in the filter.
json() {
	printf '%s' "$output" | jq -c "$1"
}

# json_is FILTER VALUE
json_is() {
	same "$(json "$1")" "$2" "$1"
}

# edit FILTER: the node file of a DGX-1V, changed by jq.
edit() {
	"$GPUTOPO" show -t builtin:dgx1v --json | jq "$1"
}
