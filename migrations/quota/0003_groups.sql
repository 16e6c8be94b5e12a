-- Budgets of one group share the row of their subject: budget is the group, and each of
-- its budgets has the moment of its slot. What was used of a budget before it came into a
-- group is found no more, and forgotten when it is over: an upgrade refills it once.
-- +goose Up
ALTER TABLE quota_buckets ADD COLUMN full2_ns BIGINT NOT NULL DEFAULT 0;
ALTER TABLE quota_buckets ADD COLUMN full3_ns BIGINT NOT NULL DEFAULT 0;
ALTER TABLE quota_buckets ADD COLUMN full4_ns BIGINT NOT NULL DEFAULT 0;
