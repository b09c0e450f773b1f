#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# Recompute a summary's figures from the rows of its jobs, sharing no code with the
# simulator, and hold them against it:
#
#   sim_recompute.pl summary.json POLICY jobs-POLICY.csv [WARMUP_SECONDS]
#
# Prints the number of figures compared; ends with 1 and the differences where one is off.
use strict;
use warnings;
use JSON::PP;
use Text::ParseWords;

my ($summary, $policy, $csv, $warmup) = @ARGV;
$warmup //= 0;
open my $in, '<', $summary or die "$summary: $!\n";
my $json = JSON::PP->new->decode(do { local $/; <$in> });
my $said = $json->{policies}{$policy} or die "$summary: no policy $policy\n";

my @rows;
open $in, '<', $csv or die "$csv: $!\n";
chomp(my $head = <$in>);
my @names = split /,/, $head;
while (my $line = <$in>) {
	chomp $line;
	my %row;
	@row{@names} = quotewords(',', 0, $line);
	push @rows, \%row;
}

# nearest rank
sub quantile {
	my ($share, @sorted) = @_;
	my $rank = int($share * @sorted);
	return $sorted[$rank < @sorted ? $rank : $#sorted];
}

sub mean {
	my $sum = 0;
	$sum += $_ for @_;
	return $sum / @_;
}

sub figures {
	my @jobs = @_;
	my %is = (multi_gpu_jobs => scalar @jobs);
	return \%is unless @jobs;
	my @gbps = sort { $a <=> $b } map { $_->{busbw_gbps} } @jobs;
	my @idle = sort { $a <=> $b } map { $_->{busbw_gbps} / $_->{ideal_gbps} } @jobs;
	@is{qw(mean_gbps p5_gbps p50_gbps p95_gbps)} =
		(mean(@gbps), map { quantile($_, @gbps) } .05, .5, .95);
	@is{qw(mean_ratio_idle p5_ratio_idle p50_ratio_idle p95_ratio_idle)} =
		(mean(@idle), map { quantile($_, @idle) } .05, .5, .95);
	$is{mean_ratio_free} = mean(map { $_->{busbw_gbps} / $_->{best_free_gbps} } @jobs);
	$is{ring_lost} = grep { $_->{ring_lost} } @jobs;
	$is{no_ring_share} = (grep { !$_->{ring} } @jobs) / @jobs;
	for (@jobs) {
		my $hours = ($_->{end} - $_->{start}) / 3600 * $_->{gpus};
		$is{multi_gpu_hours} += $hours;
		$is{gpu_hours_below_ideal} += $_->{busbw_gbps} < $_->{ideal_gbps} ? $hours : 0;
	}
	return \%is;
}

my ($compared, @off) = (0);

sub hold {
	my ($where, $is, $said) = @_;
	for my $key (sort keys %$is) {
		my ($x, $y) = ($is->{$key}, $said->{$key});
		$compared++;
		push @off, "$where$key: the rows give $x, the summary " . ($y // 'nothing')
			unless defined $y && abs($x - $y) <= 1e-6 * (1 + abs $x);
	}
}

my @counted = grep { $_->{submit} >= $warmup } @rows;
my @started = grep { !$_->{rejected} } @counted;
my @multi = grep { $_->{busbw_gbps} ne '' } @started;
hold('', figures(@multi), $said);
hold('choice: ', figures(grep { $_->{choice} } @multi), $said->{choice});
for my $size (sort keys %{$said->{by_size}}) {
	hold("$size GPUs: ", figures(grep { $_->{gpus} == $size } @multi), $said->{by_size}{$size});
}
my @waits = sort { $a <=> $b } map { $_->{start} - $_->{submit} } @started;
hold('', {
	jobs => scalar @counted,
	started => scalar @started,
	wait_mean_s => @waits ? mean(@waits) : 0,
	wait_p95_s => @waits ? quantile(.95, @waits) : 0,
	gpu_hours => @started
		? @started * mean(map { ($_->{end} - $_->{start}) / 3600 * $_->{gpus} } @started) : 0,
}, $said);
print "$compared figures\n";
print STDERR "$_\n" for @off;
exit(@off ? 1 : 0);
