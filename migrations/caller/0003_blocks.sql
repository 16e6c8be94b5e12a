-- Homeservers that are turned away, by their names without a port. until_ms is 0
-- for a block without an end.
-- +goose Up
CREATE TABLE caller_blocks (
    server     TEXT   NOT NULL PRIMARY KEY,
    reason     TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    until_ms   BIGINT NOT NULL
);
