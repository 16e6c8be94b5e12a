-- A binding ends unless it is made again, and its owner is reminded before: what is due
-- is found without passing those that were reminded, and how many were taken back lately
-- without passing all other changes.
-- +goose Up
CREATE INDEX lookup_bindings_unreminded ON lookup_bindings (not_after_ms) WHERE reminded_ms = 0;
CREATE INDEX lookup_changes_expired ON lookup_changes (ts_ms) WHERE kind = 'expire';
