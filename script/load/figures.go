package main

import (
	"cmp"
	"slices"
	"time"
)

// sample is what a run has observed.
type sample struct {
	took       []time.Duration // of each exchange
	done       int             // how many count for the rate, if it is not those
	elapsed    time.Duration
	server     time.Duration // of processors, by the server in that time
	own        time.Duration // by this program
	others     time.Duration // by anything else on the machine
	residentKB int
}

// figures are what a run, or the median of several, comes to. The processors' time is
// in processors: 1 is one that was busy all the time.
type figures struct {
	rate                   float64 // exchanges a second
	p50, p99               time.Duration
	each                   time.Duration // of processors, by the server for an exchange
	server, client, others float64
	residentKB             int
}

func (s sample) figures() figures {
	slices.Sort(s.took)
	done := cmp.Or(s.done, len(s.took))
	return figures{
		rate:       share(float64(done), s.elapsed.Seconds()),
		p50:        percentile(s.took, 50),
		p99:        percentile(s.took, 99),
		each:       s.server / time.Duration(max(1, done)),
		server:     share(s.server.Seconds(), s.elapsed.Seconds()),
		client:     share(s.own.Seconds(), s.elapsed.Seconds()),
		others:     share(s.others.Seconds(), s.elapsed.Seconds()),
		residentKB: s.residentKB,
	}
}

func share(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}

// percentile is the smallest of the sorted values that p percent of them do not exceed;
// of none it is 0.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

// medians is the median of each figure by itself.
func medians(runs []figures) figures {
	return figures{
		rate:       median(runs, func(f figures) float64 { return f.rate }),
		p50:        median(runs, func(f figures) time.Duration { return f.p50 }),
		p99:        median(runs, func(f figures) time.Duration { return f.p99 }),
		each:       median(runs, func(f figures) time.Duration { return f.each }),
		server:     median(runs, func(f figures) float64 { return f.server }),
		client:     median(runs, func(f figures) float64 { return f.client }),
		others:     median(runs, func(f figures) float64 { return f.others }),
		residentKB: median(runs, func(f figures) int { return f.residentKB }),
	}
}

// median is the middle value; of an even number of values, the mean of the middle two.
func median[N interface {
	cmp.Ordered
	~int | ~int64 | ~float64
}](runs []figures, of func(figures) N) N {
	if len(runs) == 0 {
		return 0
	}
	values := make([]N, len(runs))
	for i, f := range runs {
		values[i] = of(f)
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}
