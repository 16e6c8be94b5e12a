-- What is known of other servers' signing keys, and the records of the servers' log. A
-- record is written with what it is of; position is 0 until the log has taken it in.
-- Records of one kind about one server are numbered from 1, so that they are logged in
-- their order; an object has the number of its record. current_n is the object that
-- counts, held_n one of wholly new keys that counts from due_ms on (0: none). expired_ms
-- is 0 for a key that signs; n is the newest object that has the key.
-- +goose Up
CREATE TABLE notary_records (
    kind     TEXT   NOT NULL,
    server   TEXT   NOT NULL,
    n        BIGINT NOT NULL,
    ms       BIGINT NOT NULL,
    record   BYTEA  NOT NULL,
    hash     BYTEA  NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (kind, server, n)
);
CREATE INDEX notary_records_pending ON notary_records (ms, kind, server, n) WHERE position = 0;
CREATE TABLE notary_servers (
    server    TEXT   NOT NULL PRIMARY KEY,
    current_n BIGINT NOT NULL,
    held_n    BIGINT NOT NULL,
    due_ms    BIGINT NOT NULL,
    asked_ms  BIGINT NOT NULL
);
CREATE TABLE notary_objects (
    server         TEXT    NOT NULL,
    n              BIGINT  NOT NULL,
    object_hash    BYTEA   NOT NULL,
    valid_until_ms BIGINT  NOT NULL,
    fetched_ms     BIGINT  NOT NULL,
    trusted        BOOLEAN NOT NULL,
    PRIMARY KEY (server, n)
);
CREATE UNIQUE INDEX notary_objects_hash ON notary_objects (server, object_hash);
CREATE INDEX notary_objects_fetched ON notary_objects (fetched_ms);
CREATE TABLE notary_keys (
    server     TEXT   NOT NULL,
    key_id     TEXT   NOT NULL,
    public_key BYTEA  NOT NULL,
    n          BIGINT NOT NULL,
    expired_ms BIGINT NOT NULL,
    PRIMARY KEY (server, key_id)
);
CREATE TABLE notary_conflicts (
    server     TEXT  NOT NULL,
    key_id     TEXT  NOT NULL,
    public_key BYTEA NOT NULL,
    PRIMARY KEY (server, key_id, public_key)
);
