-- The devices and keys of users of other servers, as their server gave them last: when the
-- stream stood at pos. What is stale has changed since.
-- +goose Up
CREATE TABLE device_lists (
    user_id  TEXT    NOT NULL PRIMARY KEY,
    pos      BIGINT  NOT NULL,
    asked_ms BIGINT  NOT NULL,
    stale    BOOLEAN NOT NULL,
    keys     TEXT    NOT NULL
);
CREATE INDEX device_lists_asked ON device_lists (asked_ms);
