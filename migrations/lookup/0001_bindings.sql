-- Who is behind an address: one live row an address, unique by its keyed index.
-- lookup_tag is the HMAC of the hash that clients ask for, so that the table holds
-- no hash that could be guessed from addresses without the sealed key.
-- +goose Up
CREATE TABLE lookup_bindings (
    address_index  BYTEA  NOT NULL PRIMARY KEY,
    medium         TEXT   NOT NULL,
    address_sealed BYTEA  NOT NULL,
    user_id        TEXT   NOT NULL,
    lookup_tag     BYTEA  NOT NULL,
    session_id     TEXT   NOT NULL,
    ts_ms          BIGINT NOT NULL,
    not_before_ms  BIGINT NOT NULL,
    not_after_ms   BIGINT NOT NULL
);
CREATE INDEX lookup_bindings_tag ON lookup_bindings (lookup_tag);
CREATE INDEX lookup_bindings_user ON lookup_bindings (user_id);
