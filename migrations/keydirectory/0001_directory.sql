-- What is known of the key directory of an identity server: by which keys it is believed,
-- how far its logs were seen to go, and what has not held of all that it has shown.
-- +goose Up
CREATE TABLE keydirectory_roots (
    server TEXT   NOT NULL PRIMARY KEY,
    config BYTEA  NOT NULL,
    ts     BIGINT NOT NULL
);

CREATE TABLE keydirectory_heads (
    origin TEXT   NOT NULL PRIMARY KEY,
    size   BIGINT NOT NULL,
    head   BYTEA  NOT NULL
);

CREATE TABLE keydirectory_versions (
    origin  TEXT   NOT NULL,
    label   TEXT   NOT NULL,
    version BIGINT NOT NULL,
    ts      BIGINT NOT NULL,
    PRIMARY KEY (origin, label)
);

CREATE TABLE keydirectory_alarms (
    id       BIGINT NOT NULL PRIMARY KEY,
    server   TEXT   NOT NULL,
    kind     TEXT   NOT NULL,
    subject  TEXT   NOT NULL,
    step     TEXT   NOT NULL,
    reason   TEXT   NOT NULL,
    evidence BYTEA  NOT NULL,
    raised   BIGINT NOT NULL,
    ended    BIGINT NOT NULL,
    word     TEXT   NOT NULL
);

CREATE INDEX keydirectory_alarms_standing ON keydirectory_alarms (server, ended);
