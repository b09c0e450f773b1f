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

_gputopo() {
	local word=${COMP_WORDS[COMP_CWORD]} command=("${COMP_WORDS[0]}") place=1 words
	COMPREPLY=()
	while [ $place -lt "$COMP_CWORD" ] && [[ ${COMP_WORDS[place]} != -* ]]; do
		_gputopo_commands "${command[@]}" | grep -qx -- "${COMP_WORDS[place]}" || break
		command+=("${COMP_WORDS[place]}")
		place=$((place + 1))
	done
	if [[ $word == -* ]]; then
		words=$(_gputopo_options "${command[@]}")
	else
		words=$(_gputopo_commands "${command[@]}")
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	[ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
} && complete -o filenames -F _gputopo gputopo
