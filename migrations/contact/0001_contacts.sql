-- Addresses of accounts, each with one owner: encrypted, and found by a keyed index. The
-- sessions at an identity server that this homeserver has asked for, by a tag of the sid and
-- the client secret: what each is for, whose it is (empty for nobody's) and until when.
-- +goose Up
CREATE TABLE contact_addresses (
    address_index BYTEA  NOT NULL PRIMARY KEY,
    user_id       TEXT   NOT NULL,
    sealed        BYTEA  NOT NULL,
    validated_ms  BIGINT NOT NULL,
    added_ms      BIGINT NOT NULL
);
CREATE INDEX contact_addresses_user ON contact_addresses (user_id);

CREATE TABLE contact_sessions (
    session_tag   BYTEA   NOT NULL PRIMARY KEY,
    id_server     TEXT    NOT NULL,
    medium        TEXT    NOT NULL,
    address_index BYTEA   NOT NULL,
    purpose       TEXT    NOT NULL,
    user_id       TEXT    NOT NULL,
    spent         BOOLEAN NOT NULL,
    expires_ms    BIGINT  NOT NULL
);
CREATE INDEX contact_sessions_expires ON contact_sessions (expires_ms);
