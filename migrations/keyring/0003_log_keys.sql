-- A key of a log that is retired signs beside its successor until ends_ms, so that whoever
-- knows it alone has time to learn of the other. One that is revoked stays in its table, with
-- the time and the reason, until the log has an entry that says so, which it has to sign; then
-- it goes where revoked keys are.
-- +goose Up
ALTER TABLE keyring_keys ADD COLUMN ends_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE keyring_keys ADD COLUMN revoked_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE keyring_keys ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE keyring_others ADD COLUMN ends_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE keyring_others ADD COLUMN revoked_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE keyring_others ADD COLUMN reason TEXT NOT NULL DEFAULT '';
