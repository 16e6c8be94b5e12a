-- When a homeserver last vouched for a user or signed a call, within a day, so that
-- those which stay away are forgotten. 0: not since this column is there.
-- +goose Up
ALTER TABLE caller_homeservers ADD COLUMN seen_ms BIGINT NOT NULL DEFAULT 0;
CREATE INDEX caller_homeservers_seen ON caller_homeservers (seen_ms);
