-- A program has keys for several purposes. keyring_keys goes on holding those of the
-- purpose that its only key had so far (the identity server's associations, the
-- homeserver's federation), whose label in the column purpose is empty. The release
-- before signs with whatever is current in that table and calls all of it its own, so
-- the keys of the other purposes have a table of the same form.
-- +goose Up
ALTER TABLE keyring_keys ADD COLUMN purpose TEXT NOT NULL DEFAULT '';
CREATE TABLE keyring_others (
    serial     BIGINT NOT NULL PRIMARY KEY,
    key_id     TEXT   NOT NULL UNIQUE,
    public_key BYTEA  NOT NULL UNIQUE,
    sealed     BYTEA  NOT NULL,
    created_ms BIGINT NOT NULL,
    retired_ms BIGINT NOT NULL DEFAULT 0,
    purpose    TEXT   NOT NULL
);
CREATE UNIQUE INDEX keyring_others_current ON keyring_others (purpose) WHERE retired_ms = 0;

-- Keys that nobody must believe any more. They leave the table that they were in, so that
-- the release before disowns them too, and their private halves are not kept.
CREATE TABLE keyring_revoked (
    key_id     TEXT   NOT NULL PRIMARY KEY,
    purpose    TEXT   NOT NULL,
    serial     BIGINT NOT NULL,
    public_key BYTEA  NOT NULL,
    created_ms BIGINT NOT NULL,
    retired_ms BIGINT NOT NULL,
    revoked_ms BIGINT NOT NULL,
    reason     TEXT   NOT NULL
);
