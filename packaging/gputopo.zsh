#compdef gputopo
# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of gputopo in zsh: bash's, through zsh's own emulation, so that both know the same.
autoload -Uz bashcompinit && bashcompinit
source "${${(%):-%x}:A:h}/../../bash-completion/completions/gputopo"
