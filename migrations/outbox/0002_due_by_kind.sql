-- Whoever looks for work of a kind finds it without passing the ended jobs of that kind,
-- of which there may be hundreds of thousands.
-- +goose Up
CREATE INDEX outbox_due_by_kind ON outbox_jobs (kind, due_ms) WHERE state = 'pending';
DROP INDEX outbox_due;
