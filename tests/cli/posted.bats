# SPDX-License-Identifier: GPL-2.0-or-later
# Topologies in the shapes that people post them in: tests/data/posted. INDEX has for each
# text what must come of it (right, partial, error) and the true links; no text may give
# links that differ from these.

load cli.bash

@test "a posted text gives the right model, a part of it with the reason, or an error" {
	needs_jq
	local file want links texts=0
	while IFS=$'\t' read -r file want links; do
		gputopo show -t "$SRC/tests/data/posted/$file.txt" --json
		((++texts))
		if [ "$want" = error ]; then
			same "$status" 1 "status of $file"
			same "$output" "" "data of $file"
			has "$stderr" "gputopo: "
			continue
		fi
		same "$status" 0 "status of $file"
		same "$(jq -r 'if .partial then "partial" else "right" end' <<<"$output")" "$want" "$file"
		# null is not known; a partial model says why
		same "$(jq -c --argjson true "$links" '.links as $l | [range($l | length) as $i |
			range($l | length) as $j | select($l[$i][$j] != null and
			$l[$i][$j] != $true[$i][$j]) | [$i, $j]]' <<<"$output")" "[]" "wrong pairs of $file"
		if [ "$want" = partial ]; then
			same "$(jq '.notes | length > 0' <<<"$output")" true "a reason in $file"
		else
			same "$(jq '.links | length' <<<"$output")" "$(jq length <<<"$links")" "GPUs of $file"
		fi
	done <"$SRC/tests/data/posted/INDEX"
	((texts >= 60))
}
