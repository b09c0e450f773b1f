#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# includes.pl CHECK: hold the #include lines of src/ and plugin/ against the order of
# the rooms. Prints what breaks it, a line each; to standard error how much was looked at.
#
#   order     a room includes only the rooms that it may (@may below, as in CONTRIBUTING.md)
#             and no circle between modules, and none between folders. A module is x.c with
#             x.h; an x_part beside them that includes x.h is part of it.
#   folders   no folder of plugin/ has more than 15 sources and headers at its top
#   symbols   plugin/submit may include headers of ctld, but links none of its sources: it
#             finds the functions by symbol in the select plugin that slurmctld has loaded
#   state     the four parts of slurmctld's state (state/state.h) are written by their owners
#             only: no other file assigns to a field of them
use strict;
use warnings;

my $src = $ENV{GPUTOPO_SRCDIR} or die "run the tests by make check\n";
my ($check) = @ARGV;
chdir $src or die "$src: $!\n";

# [room, the rooms it may include besides itself]; a room is a folder with all below it,
# and the first that fits counts
my @may = (
	['src/core', ''],
	['src/source', 'src/core'],
	['src/conf', 'src/core src/source'],
	['src/rank', 'src/core src/source src/conf'],
	['src/sim', 'src/core src/source src/conf'],
	['src/cli', 'src/core src/source src/conf src/sim src/rank'],
	['src/pmix', 'src/core src/source src/conf src/rank src/cli'],
	['plugin/common', 'src/core src/conf'],
	['plugin/slurm', 'src/core src/source src/conf plugin/common'],
	['plugin/ctld', 'src/core src/source src/conf plugin/common plugin/slurm'],
	['plugin/submit', 'src/core src/conf plugin/common plugin/slurm plugin/ctld'],
	['plugin/node', 'src/core src/source src/conf src/rank plugin/common'],
);
# The rooms inside of ctld are below what lies at its top.
my $top_of_ctld = 'plugin/ctld';

my @files = sort map { glob } map { ("src/$_*.[ch]", "plugin/$_*.[ch]") } '', '*/', '*/*/', '*/*/*/';
my %is_file = map { $_ => 1 } @files;
my (@arrows, %includes);

sub slurp {
	my ($file) = @_;
	open my $f, '<', $file or die "$file: $!\n";
	local $/;
	return <$f> // '';
}

sub folder { return $_[0] =~ s{/[^/]*$}{}r }
sub stem { return $_[0] =~ s{\.[ch]$}{}r }

sub room {
	my ($file) = @_;
	for (@may) { return $_->[0] if $file =~ m{^\Q$_->[0]\E/} }
	return '';
}

sub module {
	my ($file) = @_;
	my $stem = stem($file);
	for (my $short = $stem; $short =~ s{_[^/_]*$}{}; ) {
		return $short if $is_file{"$short.c"} && $includes{$stem}{"$short.h"};
	}
	return $stem;
}

sub read_arrows {
	for my $file (@files) {
		for (slurp($file) =~ /^\s*#\s*include\s+"([^"]+)"/mg) {
			my ($to) = grep { $is_file{$_} } folder($file) . "/$_", $_, "src/$_" or next;
			push @arrows, [$file, $to];
			$includes{stem($file)}{$to} = 1;
		}
	}
}

# 1 where the arrow may go
sub in_order {
	my ($file, $to) = @_;
	my ($from, $into) = (room($file), room($to));
	return 0 if $from eq '' || $into eq '';
	return !(folder($to) eq $top_of_ctld && folder($file) ne $top_of_ctld)
		if $from eq $into && $from eq 'plugin/ctld';
	return 1 if $from eq $into;
	return grep { $_ eq $into } map { split } map { $_->[1] } grep { $_->[0] eq $from } @may;
}

# The sets of more than one node that reach each other; $_[0]: node => {node => 1}.
sub knots {
	my ($graph) = @_;
	my (%index, %low, @stack, %on, @knots);
	my $visit;
	$visit = sub {
		my ($v) = @_;
		$index{$v} = $low{$v} = keys %index;
		push @stack, $v;
		$on{$v} = 1;
		for my $w (sort keys %{$graph->{$v}}) {
			if (!exists $index{$w}) {
				$visit->($w);
				$low{$v} = $low{$w} if $low{$w} < $low{$v};
			} elsif ($on{$w}) {
				$low{$v} = $index{$w} if $index{$w} < $low{$v};
			}
		}
		return if $low{$v} != $index{$v};
		my @knot;
		do { push @knot, my $w = pop @stack; delete $on{$knot[-1]} } until $knot[-1] eq $v;
		push @knots, [sort @knot] if @knot > 1;
	};
	for (sort keys %$graph) { $visit->($_) unless exists $index{$_} }
	return @knots;
}

# $_[0]: what stands for a file; the rest: arrows
sub graph_of {
	my ($name, @some) = @_;
	my %graph;
	for (@some) {
		my ($from, $to) = map { $name->($_) } @$_;
		$graph{$from}{$to} = 1 if $from ne $to;
	}
	return \%graph;
}

sub check_rooms {
	for (grep { !in_order(@$_) } @arrows) {
		my ($file, $to) = @$_;
		print "$file includes $to: ", (room($file) || 'a folder of no room'), " may not\n";
	}
}

sub check_circles {
	for my $name (\&module, \&folder) {
		print "a circle of includes: @$_\n" for knots(graph_of($name, @arrows));
	}
}

sub check_folders {
	my %count;
	$count{folder($_)}++ for grep { m{^plugin/} } @files;
	for (sort keys %count) {
		print "$_ has $count{$_} files, more than 15\n" if $count{$_} > 15;
	}
	print STDERR scalar(keys %count), " folders\n";
}

# Who may assign: the part's own files. A part reached through a struct is "ctl->caches.x",
# "controller.config.x"; through a pointer of its name "scratch->x".
my %owner = map { $_ => $_ eq 'journal' ? "plugin/ctld/log/$_.c" : "plugin/ctld/state/$_.c" }
	qw(config caches scratch journal);

sub check_state {
	my ($parts, $seen) = (join('|', sort keys %owner), 0);
	for my $file (grep { m{^plugin/ctld/} } @files) {
		my $text = slurp($file);
		while ($text =~ /\b($parts)(?:\.|->)(\w+)((?:(?:\.|->)\w+|\[[^]]*\])*)\s*(=(?!=)|\+\+|--|[-+|&]=)?/g) {
			my ($part, $field, $rest, $write) = ($1, $2, $3, $4);
			$seen++;
			# what an array of the scratch holds is whoever's that uses it
			next if !defined $write || $file eq $owner{$part} || $part eq 'scratch' && $rest ne '';
			print "$file writes to $part: $field\n";
		}
	}
	print STDERR "$seen uses\n";
}

sub check_symbols {
	my $am = slurp('plugin/submit/submit.am');
	print "plugin/submit/submit.am links $_\n" for $am =~ m{(plugin/(?:ctld|node)/[\w/]+\.c)}g;
	for my $file (grep { m{^plugin/submit/} } @files) {
		print "$file includes a source of ctld: $1\n"
			if slurp($file) =~ m{include "(plugin/ctld/[^"]*\.c)"};
	}
}

read_arrows();
my %checks = (
	order => sub { check_rooms(); check_circles(); print STDERR scalar(@arrows), " arrows\n" },
	folders => \&check_folders,
	symbols => \&check_symbols,
	state => \&check_state,
);
($checks{$check // ''} or die "usage: includes.pl order|folders|symbols|state\n")->();
