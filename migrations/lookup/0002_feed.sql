-- Every change of a binding is a row of the feed, which is written in the change's own
-- transaction. Positions count from 1 without a gap: the one row of lookup_feed is the
-- newest, and whoever changes a binding writes it first. Look-ups are answered from memory,
-- which follows the feed, so no hash of an address is stored any more. Of an erased
-- address the feed keeps that something happened, and when.
-- +goose Up
CREATE TABLE lookup_feed (
    name     TEXT   NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
);
CREATE TABLE lookup_changes (
    position       BIGINT NOT NULL PRIMARY KEY,
    kind           TEXT   NOT NULL,
    address_index  BYTEA  NOT NULL,
    medium         TEXT   NOT NULL,
    address_sealed BYTEA  NOT NULL,
    user_id        TEXT   NOT NULL,
    former_id      TEXT   NOT NULL DEFAULT '',
    session_id     TEXT   NOT NULL DEFAULT '',
    ts_ms          BIGINT NOT NULL,
    not_after_ms   BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX lookup_changes_address ON lookup_changes (address_index);
INSERT INTO lookup_changes (position, kind, address_index, medium, address_sealed, user_id, session_id, ts_ms, not_after_ms)
SELECT ROW_NUMBER() OVER (ORDER BY ts_ms, address_index), 'bind', address_index, medium, address_sealed, user_id, session_id, ts_ms, not_after_ms
FROM lookup_bindings;
INSERT INTO lookup_feed (name, position) SELECT 'bindings', COUNT(*) FROM lookup_changes;

DROP INDEX lookup_bindings_tag;
ALTER TABLE lookup_bindings DROP COLUMN lookup_tag;
ALTER TABLE lookup_bindings ADD COLUMN reminded_ms BIGINT NOT NULL DEFAULT 0;
CREATE INDEX lookup_bindings_expiry ON lookup_bindings (not_after_ms);
