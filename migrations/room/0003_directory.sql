-- Names that rooms have on this server, and what users have reported to its operators.
-- +goose Up
CREATE TABLE room_aliases (
    alias      TEXT   NOT NULL PRIMARY KEY,
    room_id    TEXT   NOT NULL,
    creator    TEXT   NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX room_aliases_room ON room_aliases (room_id);

CREATE TABLE room_reports (
    id          TEXT   NOT NULL PRIMARY KEY,
    reporter    TEXT   NOT NULL,
    room_id     TEXT   NOT NULL,
    event_id    TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    received_ms BIGINT NOT NULL
);
