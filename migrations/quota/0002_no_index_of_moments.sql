-- Every charge moves full_ns, and would move each row's place in an index of it too. Sweeping
-- full budgets, once an hour, walks the table by its key instead.
-- +goose Up
DROP INDEX quota_buckets_full;
