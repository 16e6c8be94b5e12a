-- What is used of each budget: one row a budget and subject, the subject only as a
-- keyed tag. full_ns is when the budget is whole again, in nanoseconds since 1970,
-- since what one of thousands costs is no whole number of milliseconds.
-- +goose Up
CREATE TABLE quota_buckets (
    tag     BYTEA  NOT NULL PRIMARY KEY,
    budget  TEXT   NOT NULL,
    full_ns BIGINT NOT NULL
);
CREATE INDEX quota_buckets_full ON quota_buckets (full_ns);
