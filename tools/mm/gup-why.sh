#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usage: gup-why.sh COMMAND [ARGUMENT...]
#        gup-why.sh -p PID SECONDS
#
# Runs a command, or watches a process, and says what get_user_pages() did for it: which
# functions were called and how long they took, why pages could not be had without a lock,
# what faults cost, and which folios are in the way of long-term pins. Needs root and a kernel
# with CONFIG_EVENT_TRACING. See Documentation/mm/gup.rst.

fail()
{
	echo "gup-why.sh: $*" >&2
	exit 1
}

usage()
{
	sed -n 's/^# usage: /usage: /p; s/^#        gup-why.sh/       gup-why.sh/p' "$0" >&2
	exit 2
}

counters()
{
	grep '^gup_' /proc/vmstat
}

# What happened between two outputs of counters().
difference()
{
	awk 'NR == FNR { before[$1] = $2; next }
	     $2 != before[$1] { printf "  %-24s %12d\n", $1, $2 - before[$1] }' "$1" "$2"
}

report()
{
	awk '
	function add(table, key, time)
	{
		table[key]++
		if (time > longest[key])
			longest[key] = time
		total[key] += time
	}

	function show(table, title, key)
	{
		printed = 0
		for (key in table) {
			if (!printed++)
				print "\n" title
			printf "  %-40s %9d", key, table[key]
			if (total[key])
				printf "   %10.3f ms, longest %8.3f ms",
				       1000 * total[key], 1000 * longest[key]
			print ""
		}
	}

	function value(name, at)
	{
		for (at = event + 1; at <= NF; at++)
			if (index($at, name "=") == 1)
				return substr($at, length(name) + 2)
		return ""
	}

	# The rest of the line behind "name=": it may have spaces.
	function rest(name)
	{
		return substr($0, index($0, name "=") + length(name) + 1)
	}

	/^#/ { next }
	{
		for (event = 1; event <= NF && $event !~ /^gup_[a-z_]+:$/; event++)
			;
		if (event > NF)
			next
		now = $(event - 1) + 0
		match($0, /-[0-9]+ +\[/)
		pid = substr($0, RSTART + 1) + 0
	}
	$event == "gup_begin:" { began[pid] = now }
	$event == "gup_end:" {
		add(calls, $(event + 1), pid in began ? now - began[pid] : 0)
		if (value("result") < 0)
			errors[$(event + 1) " " value("result")]++
		delete began[pid]
	}
	$event == "gup_fast_stop:" {
		stops[value("why")]++
		undone += value("undone")
	}
	$event == "gup_no_vma_lock:" { no_vma[rest("why")]++ }
	$event == "gup_give_way:" { gave_way[value("lock")]++ }
	$event == "gup_fault_unlock:" { dropped[value("lock")]++ }
	$event == "gup_fault:" {
		kind = value("flags") ~ /VMA_LOCK/ ? "under the lock of a VMA" : "under mmap_lock"
		if (value("flags") ~ /UNSHARE/)
			kind = kind ", unshares"
		if (value("result") != "")
			kind = kind ", " value("result")
		faults[kind]++
	}
	$event == "gup_longterm:" {
		folios[value("zone") ", " rest("what")]++
		if (rest("what") !~ /^(found|isolated)/)
			stuck[$(event + 1) ", order " value("order") ", " value("refs") \
			      " references, " value("maps") " mappings"]++
	}
	$event == "gup_unpin_dirty:" { dirty["folios"]++ }
	END {
		show(calls, "Calls, and how long they took")
		show(errors, "Calls that failed, with the error")
		show(stops, "Why pages could not be had without a lock")
		show(no_vma, "Why mmap_lock was taken")
		show(faults, "Faults")
		show(dropped, "Locks that a fault has dropped, to wait for something")
		show(gave_way, "Locks that were given up for somebody else")
		show(folios, "Folios that may not stay pinned for long")
		show(stuck, "Folios that could not be moved, and how often they were tried")
		show(dirty, "Made dirty by the release of a pin")
		if (undone)
			printf "\n%d pages released again because of fork() or their table\n",
			       undone
	}' "$1"
}

tracing=/sys/kernel/tracing
[ $# -gt 0 ] || usage
[ "$1" != -p ] || [ $# = 3 ] || usage
[ -d "$tracing/events" ] || mount -t tracefs none "$tracing" 2>/dev/null ||
	fail "no tracefs at $tracing: run as root, on a kernel with CONFIG_EVENT_TRACING"
[ -d "$tracing/events/gup" ] ||
	fail "this kernel has no events of get_user_pages(), or it hides them from you"

instance=$tracing/instances/gup-why.$$
mkdir "$instance" || fail "cannot make $instance"
scratch=$(mktemp -d) || fail "cannot make a temporary directory"
trap 'echo 0 >"$instance/tracing_on"; rmdir "$instance"; rm -r "$scratch"' EXIT
trap 'exit 1' INT TERM
echo 8192 >"$instance/buffer_size_kb"
echo 1 >"$instance/options/event-fork"
counters >"$scratch/before"
if [ "$1" = -p ]; then
	echo "$2" >"$instance/set_event_pid" || fail "no process $2"
	echo 1 >"$instance/events/gup/enable"
	sleep "$3"
	status=0
else
	# shellcheck disable=SC2016 # expanded by the shell that becomes the command
	sh -c 'echo $$ >"$1/set_event_pid" && echo 1 >"$1/events/gup/enable" && shift &&
	       exec "$@"' gup-why.sh "$instance" "$@"
	status=$?
fi
echo 0 >"$instance/tracing_on"
counters >"$scratch/after"
report "$instance/trace"
lost=$(cat "$instance"/per_cpu/cpu*/stats | awk '$1 == "overrun:" { n += $2 } END { print n + 0 }')
[ "$lost" = 0 ] || echo "
$lost events are missing: more than the buffer has room for"
echo "
Counters of the whole system meanwhile"
difference "$scratch/before" "$scratch/after"
exit $status
