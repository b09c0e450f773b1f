#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# manual.pl CHECK: hold the manuals against the programs. Prints what one has and the other
# lacks, a line each; prints how much was compared to standard error.
#
#   options    every option of every command that --help lists is in the command's section,
#              and the section names no other
#   tables     every long option of a getopt table is in the --help of its command
#   spank      every SPANK option is in spank_gputopo(8)
#   keys       every key of gputopo.conf is in gputopo.conf(5)
#   messages   every message and reason of the plugins is in one of their manuals
#   stale      every log line of those manuals is in the plugins' sources
#   worn       no text that a program, the library or a plugin can print matches one of the
#              worn phrases that docs/style.md lists
use strict;
use warnings;

my $src = $ENV{GPUTOPO_SRCDIR} or die "run the tests by make check\n";
my $build = $ENV{GPUTOPO_BUILDDIR};
my @plugin_pages = map { "man/$_" }
	qw(gputopo-slurm.8 gputopo.conf.5 spank_gputopo.8 gputopo-pmix.1);
my $compared = 0;

sub slurp {
	my ($file) = @_;
	open my $f, '<', $file or return '';
	local $/;
	return <$f> // '';
}

sub missing { print "@_\n" }

# The words of a roff source, as a reader sees them.
sub plain {
	my ($roff) = @_;
	$roff =~ s/^\.\\".*$//mg;
	$roff =~ s/^\.(TP|TQ|PP|IP|EX|EE|RS|RE|br)\b.*$//mg;
	# fonts that alternate leave no space between their words
	$roff =~ s/^\.(BI|BR|IB|IR|RB|RI) (.*)$/join '', words($2)/meg;
	$roff =~ s/^\.(SH|SS|B|I|TH) //mg;
	return unroff($roff);
}

sub words {
	my ($line) = @_;
	my @words;
	push @words, defined $1 ? $1 : $2 while $line =~ /\G\s*(?:"([^"]*)"?|(\S+))/gc;
	return @words;
}

sub unroff {
	my ($text) = @_;
	$text =~ s/\\f(.|\(..)//g;
	$text =~ s/\\-/-/g;
	$text =~ s/\\\(aq/'/g;
	$text =~ s/\\\(dq/"/g;
	$text =~ s/\\c$//mg;
	$text =~ s/\\&//g;
	$text =~ s/"//g;
	$text =~ s/\s+/ /g;
	return $text;
}

# The source of one section of a page: .SS name, or .SH name.
sub section {
	my ($page, $macro, $name) = @_;
	my $end = $macro eq 'SS' ? 'S[SH]' : 'SH';
	return $page =~ /^\.$macro "?\Q$name\E"?\n(.*?)(?=^\.$end |\z)/ms ? $1 : undef;
}

# "program and words of the menu" -> the --help of each leaf
sub commands {
	my (@menu) = @_;
	my ($program, @words) = @menu;
	my %leaves;
	return () unless -x "$build/$program";
	my $help = qx('$build/$program' @words --help);
	return ("@menu" => $help) unless $help =~ /^Commands:\n(.*?)^\n/ms;
	%leaves = (%leaves, commands(@menu, $_)) for $1 =~ /^  ([a-z][a-z-]*) /mg;
	return %leaves;
}

sub all_commands { return (commands('gputopo'), commands('gputopo-pmix')) }

sub leading_options {
	my ($help) = @_;
	my %found;
	for ($help =~ /^ +(-\S.*)$/mg) {
		s/ {2,}.*//;
		$found{$_} = 1 for /(?:^|[ ,])(--?[a-zA-Z][a-z-]*)/g;
	}
	return keys %found;
}

sub options_of {
	my %found = map { $_ => 1 } $_[0] =~ /(?<![a-zA-Z0-9-])(--?[a-zA-Z][a-z-]*)/g;
	return %found;
}

sub check_options {
	my %help = all_commands();
	for my $command (sort keys %help) {
		my @path = split ' ', $command;
		my $file = join('-', @path[0 .. $#path - 1]) . '.1';
		my $page = slurp("$src/man/$file");
		my $own = section($page, 'SS', $path[-1]);
		if (!defined $own) {
			missing("$file has no section $path[-1]");
			next;
		}
		my $common = section($page, 'SH', 'COMMON OPTIONS') // '';
		my %own = options_of(plain($own));
		my %all = (%own, options_of(plain($common)));
		my %any = options_of($help{$command});
		for (sort(leading_options($help{$command}))) {
			$compared++;
			$all{$_} or missing("$file, $command: $_ is missing");
		}
		my %tags = map { $_ => 1 }
			map { my %o = options_of(plain($_)); keys %o }
			$own =~ /^\.T[PQ]\n(.*)$/mg;
		$any{$_} or missing("$file, $command: there is no $_") for sort keys %tags;
	}
}

sub check_tables {
	my %help = all_commands();
	my $all = join '', values %help;
	for my $file (glob("$src/src/cli/*.[ch] $src/src/pmix/*.c")) {
		my ($name) = $file =~ m{([^/]+)\.[ch]$};
		(my $command = $name) =~ s/^cmd_//;
		$command = 'gputopo ' . $command =~ tr/_/ /r;
		my $text = $help{$command} // $all;
		my $pages = join '', map { plain(slurp($_)) } glob("$src/man/*.1");
		for (slurp($file) =~ /\{\s*"([a-z][a-z-]*)",\s*(?:required|no|optional)_argument/g) {
			$compared++;
			$text =~ /--\Q$_\E\b/ or missing("$name: --$_ is not in --help of '$command'");
			$pages =~ /--\Q$_\E\b/ or missing("$name: --$_ is in no manual");
		}
	}
}

# The plugins' own sources, and what they share with the tools.
sub plugin_files {
	return grep { !m{/slurm_conf\.c$} } # the tools' alone
		map { glob("$src/$_/*.c") } 'plugin', 'plugin/*', 'plugin/*/*', 'src/conf', 'src/rank';
}

sub check_spank {
	my $page = plain(slurp("$src/man/spank_gputopo.8"));
	for my $file (plugin_files()) {
		for (slurp($file) =~ /\{\s*"([a-z][a-z-]*)",\s*(?:"[^"]*"|NULL),\s*"\[gputopo\]/g) {
			$compared++;
			$page =~ /--\Q$_\E\b/ or missing("spank_gputopo(8): --$_ is missing");
		}
	}
}

sub check_keys {
	my $page = plain(slurp("$src/man/gputopo.conf.5"));
	for (map { slurp($_) =~ /\[KEY_\w+\] = "(\w+)"/g } plugin_files()) {
		$compared++;
		$page =~ /\b\Q$_\E=/ or missing("gputopo.conf(5): $_= is missing");
	}
}

# Every string that the plugins can say, conversions as \0.
sub messages {
	my %said;
	my $string = qr/(?:"(?:[^"\\]|\\.)*"|PRI[a-zA-Z]\w*|\s)+/;
	my $calls = qr/\b(?:slurm_|gp_)?(?:error|info|verbose|debug[0-9]?|fatal)\(|
		\bslurm_spank_log\(|\bspank_log\(|\bgt_fail\(err,\s*\w+,|
		\bgt_fail_at\((?:[^"(]|\([^()]*\))*|\bbad\((?:[^"(]|\([^()]*\))*"\w+",\s*\w+,|
		\bgt_append\(\s*&?\w+,|\bsnprintf\((?:[^";]|\([^()]*\))*|\brefuse\(|\bfail\(|\bdoubt\(|\bgp_key_bad\((?:[^"(]|\([^()]*\))*"\w+",\s*\w+,|
		\bwrong\s*=|\breturn\s/x;
	for my $file (plugin_files()) {
		my $code = slurp($file);
		$code =~ s{/\*.*?\*/}{}gs;
		while ($code =~ /(?:$calls)\s*((?:"(?:[^"\\]|\\.)*"|[^;{}"])*)/g) {
			my $arguments = $1;
			while ($arguments =~ /($string)/g) {
				my $text = unquote($1);
				next if $arguments =~ /\bput\(/ || $text !~ / /;
				$said{$text} = $file;
			}
		}
		# tables of sentences, and whatever calls itself ours
		$said{unquote($1)} = $file while $code =~ /\{\s*\w+,\s*("[^"]* [^"]*"\s*)\}/g;
		$said{$1} = $file while $code =~ /\[GP_\w+\] = "([^"]* [^"]*)"/g;
		$said{unquote($1)} = $file while $code =~ /((?:"gputopo: (?:[^"\\]|\\.)*"\s*)(?:"(?:[^"\\]|\\.)*"\s*)*)/g;
		$said{$1} = $file while $code =~ /\[OPTION_\w+\] = \{\w+,\s*"([^"]*)"/g;
	}
	my $reasons = slurp("$src/src/conf/reason.c");
	$said{"$1: " . unquote($2)} = 'reason.c' while $reasons =~ /= \{"([a-z-]+)",\s*($string)/g;
	return %said;
}

sub unquote {
	my ($text) = @_;
	$text =~ s/"\s*PRI\w+\s*"/d/g;
	$text = join '', $text =~ /"((?:[^"\\]|\\.)*)"/g;
	$text =~ s/\\"/"/g;
	$text =~ s/%%/%/g;
	$text =~ s/%[-#0-9.*]*(?:hh|h|ll|l|z)?[a-zA-Z]/\0/g;
	return $text;
}

sub fragments {
	my ($text) = @_;
	$text =~ s/"//g;
	my @parts = map { s/^\s+|\s+$//gr } split /\0|\\n/, $text;
	return grep { /[a-zA-Z].*[a-zA-Z].*[a-zA-Z].*[a-zA-Z]/ } @parts;
}

sub check_messages {
	my $manual = join ' ', map { plain(slurp("$src/$_")) } @plugin_pages;
	$manual =~ s/\*:/:/g;	# an asterisk marks the reasons that are for the admin
	my %said = messages();
	for my $text (sort keys %said) {
		my @parts = fragments($text) or next;
		$compared++;
		my $pattern = join '.{0,60}?', map { quotemeta } @parts;
		$manual =~ /$pattern/ or missing("not in the manuals: " . $text =~ s/\0/\%/gr);
	}
}

sub check_stale {
	my $sources = join "\0", keys %{{ messages() }};
	$sources =~ s/"//g;
	for my $file (@plugin_pages) {
		my $page = slurp("$src/$file");
		for ($page =~ /^\.(?:TP|TQ)\n\.BI ("gputopo: .*)$/mg) {
			my @words = words($_);
			for my $i (grep { $_ % 2 == 0 } 0 .. $#words) {
				my $text = unroff($words[$i]);
				$text =~ s/\[.*\]//g;
				for (fragments($text)) {
					$compared++;
					index($sources, $_) >= 0 or missing("$file: nothing says '$_'");
				}
			}
		}
	}
}

# The phrases between ```worn and ``` of docs/style.md, regular expressions.
sub worn_phrases {
	my ($list) = slurp("$src/docs/style.md") =~ /^```worn\n(.*?)^```/ms or die "no list of worn phrases\n";
	return map { qr/$_/i } split /\n/, $list;
}

# file and text of every string literal that has a space between words
sub texts {
	my @found;
	for my $file (map { glob("$src/$_") } map { ("$_/*.[ch]", "$_/*/*.[ch]", "$_/*/*/*.[ch]") } 'src', 'plugin') {
		my $code = slurp($file);
		$code =~ s{/\*.*?\*/}{}gs;
		$code =~ s/^\s*#\s*include.*$//mg;
		while ($code =~ /("(?:[^"\\\n]|\\.)*"(?:\s*(?:PRI\w+|"(?:[^"\\\n]|\\.)*"))*)/g) {
			my $text = unquote($1);
			push @found, [$file, $text] if $text =~ /[a-z].* .*[a-z]/s;
		}
	}
	return @found;
}

sub check_worn {
	my @worn = worn_phrases();
	for (texts()) {
		my ($file, $text) = @$_;
		$text =~ s/\\n/ /g;
		$compared++;
		for my $phrase (@worn) {
			$text =~ $phrase or next;
			missing($file =~ s{^\Q$src\E/}{}r, 'has a worn phrase: ', substr($text, 0, 200) =~ s/\0/%/gr);
		}
	}
}

my %checks = (options => \&check_options, tables => \&check_tables, spank => \&check_spank,
	keys => \&check_keys, messages => \&check_messages, stale => \&check_stale,
	worn => \&check_worn);
my $check = $checks{$ARGV[0] // ''} or die "usage: manual.pl CHECK\n";
$check->();
print STDERR "$compared compared\n";
