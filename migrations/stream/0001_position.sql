-- Where the homeserver's one stream is: the position of what was stored last, the one
-- below which positions were given out without being stored, and the process that may
-- write.
-- +goose Up
CREATE TABLE stream_position (
    id       BIGINT NOT NULL PRIMARY KEY,
    last     BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    owner    TEXT   NOT NULL
);
