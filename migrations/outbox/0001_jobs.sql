-- Work that leaves the house: messages, callbacks, notices. A row is written in
-- the transaction that decides it and leased by one process at a time.
-- +goose Up
CREATE TABLE outbox_jobs (
    id              TEXT   NOT NULL PRIMARY KEY,
    kind            TEXT   NOT NULL,
    idempotency_key TEXT   NOT NULL,
    payload         BYTEA  NOT NULL,
    state           TEXT   NOT NULL,
    attempts        BIGINT NOT NULL DEFAULT 0,
    due_ms          BIGINT NOT NULL,
    lease_until_ms  BIGINT NOT NULL DEFAULT 0,
    expires_ms      BIGINT NOT NULL,
    created_ms      BIGINT NOT NULL,
    ended_ms        BIGINT NOT NULL DEFAULT 0,
    failure         TEXT   NOT NULL DEFAULT '',
    UNIQUE (kind, idempotency_key)
);
CREATE INDEX outbox_due ON outbox_jobs (due_ms) WHERE state = 'pending';
CREATE INDEX outbox_ended ON outbox_jobs (ended_ms) WHERE state <> 'pending';
