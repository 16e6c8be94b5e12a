-- How many octets the data of a backup's keys have: those of a user's backups together have
-- a bound.
-- +goose Up
ALTER TABLE roomkeys_backups ADD COLUMN octets BIGINT NOT NULL DEFAULT 0;
UPDATE roomkeys_backups SET octets = COALESCE((SELECT SUM(OCTET_LENGTH(k.session_data)) FROM roomkeys_keys k
    WHERE k.user_id = roomkeys_backups.user_id AND k.version = roomkeys_backups.version), 0);
