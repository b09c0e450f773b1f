# SPDX-License-Identifier: GPL-2.0-or-later
# The node file's schema as it is written: prints what is wrong, nothing if all is right.
def is($types): type as $t | $types | split("|") | index($t) != null;
def field($object; $name; $types): $object | if has($name) | not then "\($name) is missing"
	elif .[$name] | is($types) | not then "\($name) is not \($types)" else empty end;
def matrix($name; $types): . as $doc | (.gpus | length) as $n | .[$name]
	| if length != $n then "\($name) has not \($n) rows" else empty end,
	  (.[] | if length != $n then "a row of \($name) has not \($n) cells" else empty end),
	  (.[][] | if is($types) | not then "a cell of \($name) is not \($types)" else empty end);
def known($where; $names): keys - $names | if . == [] then empty else "\($where): unknown \(.)" end;

known("document"; ["version", "name", "fabric", "link_gbps", "cpu_vendor", "gpus", "links",
	"paths", "bandwidth_gbps", "path_gbps", "groups", "measured", "pcie_p2p", "shared", "nics", "domain", "partial", "notes", "source"]),
(if .version != 1 then "version is not 1" else empty end),
field(.; "name"; "string|null"), field(.; "link_gbps"; "number|null"),
field(.; "cpu_vendor"; "string|null"), field(.; "domain"; "string|null"),
field(.; "groups"; "array"), field(.; "partial"; "boolean"), field(.; "notes"; "array"),
field(.source; "format"; "string"), field(.source; "file"; "string"),
(if [.fabric] | inside(["switch", "mesh", "pcie"]) then empty else "fabric is \(.fabric)" end),
(.notes[] | if is("string") then empty else "a note is no string" end),
(.groups[] | if is("array") then empty else "a group is no list" end),
matrix("links"; "number|null"), matrix("paths"; "string|null"),
matrix("bandwidth_gbps"; "number|null"),
(if has("path_gbps") then matrix("path_gbps"; "number|null") else empty end),
(.gpus | length) as $n | (.nics // [] | to_entries[] | .key as $i | .value
	| known("NIC \($i)"; ["name", "bus_id", "gbps", "rail", "near", "paths"]),
	field(.; "name"; "string|null"), field(.; "gbps"; "number|null"),
	field(.; "rail"; "number"), field(.; "near"; "array"),
	(if (.paths | length) != $n then "NIC \($i) has not \($n) paths" else empty end)),
(.gpus | to_entries[] | .key as $i | .value
	| known("GPU \($i)"; ["index", "minor", "module_id", "model", "uuid", "bus_id", "pci_root",
		"socket", "numa", "cpus", "island", "switch_links", "mem_mib", "mig", "healthy",
		"link_gbps", "instances"]),
	(.instances // [] | .[] | known("GPU \($i), an instance"; ["profile", "start"]),
		field(.; "profile"; "string"), field(.; "start"; "number|null")),
	(if .index != $i then "GPU \($i) has index \(.index)" else empty end),
	(("minor", "module_id", "socket", "numa", "island", "mem_mib") as $f
		| field(.; $f; "number|null")),
	(("model", "uuid", "bus_id", "pci_root", "cpus") as $f | field(.; $f; "string|null")),
	field(.; "switch_links"; "number"), field(.; "mig"; "boolean"),
	field(.; "healthy"; "boolean")),
(if ([.links[][] == null] | any) and (.partial | not) then "null links in a whole model"
	else empty end),
(.links as $l | .paths as $p | .gpus | keys[] as $i | keys[] as $j
	| $p[$i][$j] as $path | $l[$i][$j] as $links
	| if $i == $j then (if $path != "X" or $links != 0 then "diagonal \($i)" else empty end)
	elif $l[$j][$i] != $links or $p[$j][$i] != $path then "pair \($i)-\($j) is not symmetric"
	elif ($links // 0) > 0 and $path != "NV\($links)" then "pair \($i)-\($j) is \($path)"
	else empty end)
