-- The server's signing keys. At most one is current; a retired one still verifies
-- what it signed before retired_ms.
-- +goose Up
CREATE TABLE keyring_keys (
    serial     BIGINT NOT NULL PRIMARY KEY,
    key_id     TEXT   NOT NULL UNIQUE,
    public_key BYTEA  NOT NULL UNIQUE,
    sealed     BYTEA  NOT NULL,
    created_ms BIGINT NOT NULL,
    retired_ms BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX keyring_current ON keyring_keys (retired_ms) WHERE retired_ms = 0;
