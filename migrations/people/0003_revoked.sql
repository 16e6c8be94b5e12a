-- Keys of the server for associations that were revoked, and the position of the log from which
-- on nothing is believed that they signed: what they had signed before is in the log before it.
-- +goose Up
CREATE TABLE people_revoked (
    key_id   TEXT   NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
);
