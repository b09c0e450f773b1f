#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# docs.pl CHECK: run what README, docs and manuals say. Prints every difference, and how much
# was looked at to standard error.
#
#   console    ```console blocks: each "$ command" must print what follows it; a line
#              "..." stands for any lines
#   cluster    ```console cluster blocks: the same, on private clusters
#   commands   every other line that begins with "gputopo ", in a block or a manual's
#              example, must succeed, but for those that tests/cli/docs.skip gives a reason for
#   names      every file of the sources, every make target and every page that a link
#              leads to must exist
use strict;
use warnings;
use File::Temp qw(tempdir);

my $src = $ENV{GPUTOPO_SRCDIR} or die "run the tests by make check\n";
my $build = $ENV{GPUTOPO_BUILDDIR};
my @pages = grep { -e } ((map { "$src/$_.md" } qw(README CONTRIBUTING HACKING)),
	glob("$src/docs/*.md $src/docs/*/*.md"));
my ($looked, $skipped) = (0, 0);

sub slurp {
	my ($file) = @_;
	open my $f, '<', $file or return '';
	local $/;
	return <$f> // '';
}

sub short { return $_[0] =~ s{^\Q$src\E/}{}r }

# A folder that looks like the top of the sources, with the built programs in PATH.
sub enter_stage {
	my $dir = tempdir(CLEANUP => 1);
	mkdir "$dir/bin";
	mkdir "$dir/top";
	symlink $_, "$dir/top/" . s{.*/}{}r for grep { !m{/build$} } glob("$src/*");
	for (['gputopo', 'gputopo'], ['best', 'examples/best']) {
		my ($name, $program) = @$_;
		open my $f, '>', "$dir/bin/$name" or die;
		print $f "#!/bin/sh\nexec '$build/$program' \"\$@\"\n";
		close $f;
		chmod 0755, "$dir/bin/$name";
	}
	# what is built here need not be built again
	unlink "$dir/top/quickstart";
	open my $f, '>', "$dir/top/quickstart" or die;
	print $f "#!/bin/sh\n[ \"\$1\" = demo ] && GPUTOPO_BUILD='$build' exec '$src/quickstart' show\n";
	close $f;
	chmod 0755, "$dir/top/quickstart";
	$ENV{PATH} = "$dir/bin:$ENV{PATH}";
	chdir "$dir/top" or die;
}

# [line, language, text] of every fenced or indented block.
sub blocks {
	my ($text) = @_;
	my (@blocks, $line, $open, $indent);
	for (split /\n/, $text) {
		$line++;
		if (/^(\s*)```(.*)$/) {
			if ($open) {
				push @blocks, $open;
				undef $open;
			} else {
				$indent = $1;
				$open = [$line, $2, ''];
			}
		} elsif ($open) {
			$open->[2] .= s/^$indent//r . "\n";
		} elsif (/^(?: {4}|\t)\s*(.*)$/) {
			push @blocks, [$line, 'indented', ''] unless @blocks && $blocks[-1][3] && $blocks[-1][3] == $line - 1;
			$blocks[-1][2] .= "$1\n";
			$blocks[-1][3] = $line;
		}
	}
	return @blocks;
}

sub run_shell {
	my ($command) = @_;
	my $output = qx(timeout 300 bash -c \Q$command\E 2>&1 </dev/null);
	return ($?, $output);
}

sub same_text {
	my ($want, $got) = @_;
	s/[ \t]+$//mg, s/\n*\z/\n/ for $want, $got;
	my $pattern = join '', map { $_ eq "...\n" ? '(?:.*\n)*?' : quotemeta($_) } $want =~ /(.*\n)/g;
	return $got =~ /\A$pattern\z/;
}

# Is the root folder of another Slurm there? It takes minutes to make.
sub has_root {
	my $cache = $ENV{GPUTOPO_CACHE} // ($ENV{XDG_CACHE_HOME} // "$ENV{HOME}/.cache") . '/gputopo';
	return -d "$cache/root-$_[0]";
}

sub check_console {
	my ($kind) = @_;
	for my $page (@pages) {
		for (blocks(slurp($page))) {
			my ($line, $language, $text) = @$_;
			next unless $language eq $kind;
			my (undef, @parts) = split /^\$ /m, $text;
			for (@parts) {
				my ($command, $want) = /\A((?:[^\n]*\\\n)*[^\n]*)\n(.*)\z/s;
				if ($command =~ /slurm-root ([0-9.]+)/ && !has_root($1)) {
					$skipped++;
					next;
				}
				my ($status, $got) = run_shell($command);
				$looked++;
				next if same_text($want, $got);
				print short($page), ":$line: $command prints\n$got";
			}
		}
	}
}

# file, line, command of every gputopo command outside of console blocks.
sub all_commands {
	my @found;
	for my $page (@pages) {
		for (blocks(slurp($page))) {
			my ($line, $language, $text) = @$_;
			next if $language =~ /^console/;
			push @found, [$page, $line, $_ =~ s/\s+# .*//r]
				for grep { /^gputopo / } split /\n/, $text =~ s/\\\n\s*//gr;
		}
	}
	for my $page (glob("$src/man/*.[158]")) {
		for (slurp($page) =~ /^\.EX\n(.*?)^\.EE/msg) {
			push @found, [$page, 0, s/\\-/-/gr] for grep { /^gputopo / } split /\n/;
		}
	}
	return @found;
}

sub check_commands {
	my @skip = map { [split /\t+/] } grep { /^[^#\n]/ } split /\n/, slurp("$src/tests/cli/docs.skip");
	my %used;
	for (all_commands()) {
		my ($page, $line, $command) = @$_;
		my ($why) = grep { $skip[$_][0] eq short($page) && index($command, $skip[$_][1]) == 0 } 0 .. $#skip;
		if (defined $why) {
			$used{$why} = 1;
			$skipped++;
			next;
		}
		my ($status, $output) = run_shell("set -o pipefail; $command");
		$looked++;
		print short($page), ":$line: $command\n$output" if $status;
	}
	$used{$_} or print "tests/cli/docs.skip: nobody says: $skip[$_][1]\n" for 0 .. $#skip;
}

sub check_names {
	my $makefile = join '', map slurp($_), "$src/Makefile.am",
		glob("$src/{src,plugin,tests}/*/*.am $src/*/*.am");
	my %ways = ('make check' => 1, 'make install' => 1, 'make dist' => 1, 'make distcheck' => 1);
	for my $page (@pages, glob("$src/man/*.[158]")) {
		my $text = slurp($page) =~ s/\\-/-/gr;
		for ($text =~ m{(?<![\w/.-])((?:src|plugin|tests|tools|packaging|docs|etc|examples|man|include)/[a-zA-Z0-9_./-]*[a-zA-Z0-9])}g) {
			next if /NAME/;
			$looked++;
			-e "$src/$_" or $makefile =~ m{\Q$_\E\b} or print short($page), ": there is no $_\n";
		}
		my $folder = $page =~ s{/[^/]*$}{}r;
		for ($text =~ m{\]\(([^)#:]+)(?:#[^)]*)?\)}g) {
			$looked++;
			-e "$folder/$_" or print short($page), ": the link to $_ leads nowhere\n";
		}
		for ($text =~ m{`make ([a-z][a-z-]*)}g, $text =~ m{^    make ([a-z][a-z-]*)}mg) {
			$looked++;
			$ways{"make $_"} or $makefile =~ /^(?:\Q$_\E:|PROOFS = .*\b\Q$_\E\b)/m or print short($page), ": there is no make $_\n";
		}
	}
}

my %checks = (console => sub { check_console('console') },
	cluster => sub { check_console('console cluster') },
	commands => \&check_commands, names => \&check_names);
my $check = $checks{$ARGV[0] // ''} or die "usage: docs.pl CHECK\n";
enter_stage();
$check->();
chdir '/';
print STDERR "$looked looked at, $skipped skipped\n";
