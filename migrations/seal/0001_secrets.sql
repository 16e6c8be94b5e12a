-- Every secret of the program but the key-encryption key, sealed under that key.
-- +goose Up
CREATE TABLE seal_secrets (
    name       TEXT   NOT NULL PRIMARY KEY,
    sealed     BYTEA  NOT NULL,
    created_ms BIGINT NOT NULL
);
