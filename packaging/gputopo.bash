# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Completion of gputopo: commands and options are those that --help lists, so that they are
# never out of date.

# The commands that a menu's --help lists, one a line. $@: the menu.
_gputopo_commands() {
	"$@" --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p'
}

# The options that a command's --help lists. $@: the command.
_gputopo_options() {
	"$@" --help 2>/dev/null | grep '^ ' |
		grep -oE '(^|[ ,[])--?[a-zA-Z][a-z-]*' | tr -d ' ,[' | sort -u
}

# The values of an option, or nothing where any text may follow. $1: the option; $2...: the
# command.
_gputopo_values() {
	local option=$1
	shift
	case $option in
	-t | --topology) "$1" show --list 2>/dev/null | sed 's/ .*//'; echo live ;;
	--model | --gpu) "$1" show --list 2>/dev/null | sed 's/.* x //' | grep -v ' ' | sort -u
		echo v100 a100 h100 h200 b200 l40s mi250x mi300x ;;
	--policy) echo bandwidth preserve ;;
	--comm) echo allreduce alltoall ;;
	--color) echo auto always never ;;
	--by) echo partition user type day ;;
	--sort) echo name free state 2 4 8 ;;
	--sched) echo fifo easy recorded ;;
	--wish) echo --gpu-topo=ring --gpu-min-busbw= --gpu-groups= --gpu-comm=alltoall ;;
	-p | --partition) sinfo -h -o %R 2>/dev/null | sort -u ;;
	esac
}

_gputopo() {
	local previous=${COMP_WORDS[COMP_CWORD - 1]}
	local word=${COMP_WORDS[COMP_CWORD]} command=("${COMP_WORDS[0]}") place=1 words
	COMPREPLY=()
	while [ $place -lt "$COMP_CWORD" ] && [[ ${COMP_WORDS[place]} != -* ]]; do
		_gputopo_commands "${command[@]}" | grep -qx -- "${COMP_WORDS[place]}" || break
		command+=("${COMP_WORDS[place]}")
		place=$((place + 1))
	done
	# bash splits words at = and :
	[ "$previous" != = ] || previous=${COMP_WORDS[COMP_CWORD - 2]}
	if [ "$word" = = ]; then
		previous=${COMP_WORDS[COMP_CWORD - 1]} word=
	fi
	if [ "$previous" = : ] && [ "${COMP_WORDS[COMP_CWORD - 2]}" = builtin ]; then
		words=$(_gputopo_values -t "${command[@]}" | sed -n 's/^builtin://p')
	elif [ "$word" = : ] && [ "$previous" = builtin ]; then
		words=$(_gputopo_values -t "${command[@]}" | sed -n 's/^builtin://p') word=
	elif words=$(_gputopo_values "$previous" "${command[@]}") && [ -n "$words" ]; then
		:
	elif [[ " job why " == *" ${command[1]:-} "* && $word != -* ]]; then
		words=$(squeue -h -o %A 2>/dev/null)
	elif [[ $word == -* ]]; then
		words=$(_gputopo_options "${command[@]}")
	else
		words=$(_gputopo_commands "${command[@]}")
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	[ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
} && complete -o filenames -F _gputopo gputopo
