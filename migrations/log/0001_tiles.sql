-- Transparency logs, told apart by their names. A row of log_tiles is a tile of C2SP
-- tlog-tiles: of level 0 and above up to 256 hashes of 32 octets, of level -1 up to 256
-- entries, each behind its length in two octets. Full ones never change; the last of each
-- level grows in place. The head is what was appended last; log_checkpoints holds signed
-- notes, and nothing is shown before its note stands there. Who holds the lease appends.
-- +goose Up
CREATE TABLE log_heads (
    log       TEXT   NOT NULL PRIMARY KEY,
    origin    TEXT   NOT NULL,
    size      BIGINT NOT NULL,
    root_hash BYTEA  NOT NULL,
    time_ms   BIGINT NOT NULL
);
CREATE TABLE log_tiles (
    log   TEXT   NOT NULL,
    level BIGINT NOT NULL,
    n     BIGINT NOT NULL,
    width BIGINT NOT NULL,
    data  BYTEA  NOT NULL,
    PRIMARY KEY (log, level, n)
);
CREATE TABLE log_checkpoints (
    log       TEXT   NOT NULL,
    size      BIGINT NOT NULL,
    root_hash BYTEA  NOT NULL,
    note      BYTEA  NOT NULL,
    PRIMARY KEY (log, size)
);
CREATE TABLE log_leases (
    log      TEXT   NOT NULL PRIMARY KEY,
    holder   TEXT   NOT NULL,
    until_ms BIGINT NOT NULL
);
