-- Key documents of servers that the log of servers was proven to have, the newest of each; and
-- what is known there of this homeserver's own: which key stands, or waits, and up to which
-- entry the records about it were looked through.
-- +goose Up
CREATE TABLE keydirectory_documents (
    origin   TEXT   NOT NULL,
    server   TEXT   NOT NULL,
    position BIGINT NOT NULL,
    document BYTEA  NOT NULL,
    ts       BIGINT NOT NULL,
    PRIMARY KEY (origin, server)
);

CREATE TABLE keydirectory_own (
    origin     TEXT   NOT NULL PRIMARY KEY,
    key_id     TEXT   NOT NULL,
    position   BIGINT NOT NULL,
    held_until BIGINT NOT NULL,
    looked     BIGINT NOT NULL
);
