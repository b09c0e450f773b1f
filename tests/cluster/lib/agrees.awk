# SPDX-License-Identifier: GPL-2.0-or-later
# agrees.awk: hold the decision log, AdminComment and slurmctld's SelectType lines against what
# scontrol says that jobs have. Called by agrees in bats.bash, by soak and by decisions.bats.
#
#   awk -f agrees.awk [-v strict=1] [-v rows=1] LOG [SAID] SHOWN
#
# LOG is the decision log, SAID slurmctld's own log, SHOWN lines of `scontrol -d -o show job`,
# written while the jobs ran. A job that LOG does not know is let pass unless strict is set; what
# LOG says of an earlier start of the job does not count. Prints what disagrees, and exits
# with 1 then; with rows set also "row JOB NODE GIVEN STOCK REASON" of each node of each job.

# "0,2-4" -> ",0,2,3,4,"
function gpus(list,    part, n, i, range, g, out) {
	n = split(list, part, ",")
	for (i = 1; i <= n; i++) {
		if (split(part[i], range, "-") == 1)
			range[2] = range[1]
		for (g = range[1] + 0; g <= range[2] + 0; g++)
			has[g] = 1
	}
	for (g = 0; g < 64; g++)
		if (g in has) {
			out = out "," g
			delete has[g]
		}
	return out ","
}

# "n[0-1,3],t0" into hosts[]; returns how many
function hostlist(text,    n, head, range, part, i, j, k, ends) {
	n = 0
	while (match(text, /^[^,\[]+(\[[^\]]*\])?/)) {
		head = substr(text, 1, RLENGTH)
		text = substr(text, RLENGTH + 2)
		if (!(i = index(head, "["))) {
			hosts[++n] = head
			continue
		}
		k = split(substr(head, i + 1, length(head) - i - 1), part, ",")
		for (j = 1; j <= k; j++) {
			if (split(part[j], ends, "-") == 1)
				ends[2] = ends[1]
			for (range = ends[1] + 0; range <= ends[2] + 0; range++)
				hosts[++n] = substr(head, 1, i - 1) range
		}
	}
	return n
}

function value(key,    text) {
	if (!match($0, "\"" key "\":(\"[^\"]*\"|[^,}]*)"))
		return "-"
	text = substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3)
	gsub(/"/, "", text)
	return text
}

function wrong(text) {
	print "job " job ": " text
	failed = 1
}

function within(set, other,    part, n, i) {
	n = split(set, part, ",")
	for (i = 2; i < n; i++)
		if (!index(other, "," part[i] ","))
			return 0
	return 1
}

# One node of the job's against its line in LOG.
function hold(node, given,    at, bad) {
	at = job SUBSEP node
	if (!(at in chosen) || ts[at] < started - 2) {
		delete chosen[at]
		if (strict)
			wrong(node " has no line in the decision log")
		return
	}
	bad = "decision log, " node ", which has " given ": " line[at]
	if (k[at] != gsub(/,/, ",", given) - 1)
		wrong("k: " bad)
	if (!within(given, free[at]))
		wrong("free: " bad)
	if (changed[at] == "true" ? chosen[at] != given || stock[at] == given : stock[at] != given)
		wrong("changed, stock or chosen: " bad)
	if (mode[at] == "enforce" && chosen[at] != given)
		wrong("chosen: " bad)
	if (chosen[at] == stock[at] && (gbps[at] != stock_gbps[at] || level[at] != "null"))
		wrong("gbps or level of stock's own set: " bad)
	if (changed[at] == "true" && reason[at] != "changed")
		wrong("reason: " bad)
	if (rows)
		print "row", job, node, given, stock[at], reason[at]
}

# "n0 3-4,6-7 80 GB/s (stock 1,3-4,6 40); n1 ..." against what was given.
function hold_comment(text, whose,    part, n, i, word, at) {
	n = split(text, part, "; ")
	for (i = 1; i <= n; i++) {
		if (split(part[i], word, " ") < 3)
			continue
		gsub(/;/, ",", word[2])
		at = job SUBSEP word[1]
		if (!(at in has_given)) {
			if (resized)	# the comment is of its start
				continue
			wrong(whose " names node " word[1] ", which it does not have")
			continue
		}
		if (gpus(word[2]) != has_given[at])
			wrong(whose ", " word[1] ", which has " has_given[at] ": " text)
		if (!(at in chosen))
			continue
		if (changed[at] == "true" && gbps[at] != "null" && !grouped[at] && word[3] + 0 != gbps[at] + 0)
			wrong(whose ": other GB/s than the log, " gbps[at] ": " text)
		if ((changed[at] == "true") != (part[i] ~ /\(stock /))
			wrong(whose ": stock's set beside one that was not changed, or none: " text)
	}
}

FILENAME == ARGV[1] {
	if (value("k") == "-")
		next
	job = value("job")
	node = value("node")
	# A job starts again after a requeue, and numbers come again after kill -9.
	at = job SUBSEP node
	line[at] = $0
	ts[at] = value("ts")
	k[at] = value("k")
	free[at] = gpus(value("free"))
	stock[at] = gpus(value("stock"))
	chosen[at] = gpus(value("chosen"))
	changed[at] = value("changed")
	mode[at] = value("mode")
	gbps[at] = value("gbps")
	stock_gbps[at] = value("stock_gbps")
	grouped[at] = index($0, "group_busbw_gbps") > 0
	level[at] = value("level")
	reason[at] = value("reason")
	next
}

match($0, /gputopo: job [0-9]+: [a-z]+[0-9]+ /) {
	job = substr($0, RSTART + 13)
	text = job
	sub(/[^:]*: /, "", text)
	said[job + 0] = text
	next
}

/JobState=RUNNING/ {
	job = $0
	sub(/.*JobId=/, "", job)
	sub(/ .*/, "", job)
	started = $0
	sub(/.* StartTime=/, "", started)
	gsub(/[-T:]/, " ", started)
	started = mktime(substr(started, 1, 19))
	comment = ""
	resized = / ResizeTime=[0-9]/
	if (match($0, /AdminComment=gputopo: [^=]*/)) {
		comment = substr($0, RSTART + 22, RLENGTH - 22)
		sub(/ [^ ]*$/, "", comment)
	}
	for (rest = $0; match(rest, /Nodes=[^ ]* CPU_IDs=[^ ]* Mem=[^ ]* GRES=[^ ]*/);) {
		piece = substr(rest, RSTART, RLENGTH)
		rest = substr(rest, RSTART + RLENGTH)
		split(piece, field, " ")
		list = ""
		for (text = field[4]; match(text, /gpu:[^(]*\(IDX:[0-9][0-9,-]*/);) {
			one = substr(text, RSTART, RLENGTH)
			text = substr(text, RSTART + RLENGTH)
			sub(/.*IDX:/, "", one)
			list = list (list == "" ? "" : ",") one
		}
		if (list == "")
			continue
		seen++
		n = hostlist(substr(field[1], 7))
		for (i = 1; i <= n; i++)
			has_given[job SUBSEP hosts[i]] = gpus(list)
		for (i = 1; i <= n; i++)
			hold(hosts[i], gpus(list))
	}
	if (comment != "")
		hold_comment(comment, "AdminComment")
	if (job in said)
		hold_comment(said[job], "SelectType")
}

END {
	if (strict && !seen) {
		print "no job with GPUs to hold the decision log against"
		failed = 1
	}
	exit failed
}
