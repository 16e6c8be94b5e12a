package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// benchmarkQuota runs the Go benchmark of 14 charges, which needs no server.
func benchmarkQuota(ctx context.Context, s settings) ([]row, error) {
	engine := "sqlite"
	if s.postgres != "" {
		engine = "postgres"
	}
	progress("quota: go test -bench, %d times", s.count)
	c := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkChargeOf14Budgets$/./"+engine,
		"-count", strconv.Itoa(s.count), "signet/internal/quota")
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("%w: %.300s%.300s", err, out.String(), errs.String())
	}
	return quotaRows(out.String()), ctx.Err()
}

// quotaRows is a row for each benchmark that the text tells of, with its median.
func quotaRows(text string) []row {
	var names []string
	took := map[string][]figures{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[3] != "ns/op" {
			continue
		}
		ns, err := strconv.ParseFloat(fields[2], 64)
		if err != nil {
			continue
		}
		parts := strings.Split(fields[0], "/")
		how, _, _ := strings.Cut(parts[len(parts)-1], "-")
		name := "quota, " + parts[1] + " " + how
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		took[name] = append(took[name], figures{p50: time.Duration(ns)})
	}
	var rows []row
	for _, name := range names {
		rows = append(rows, row{name: name, per: medians(took[name]).p50})
	}
	return rows
}
