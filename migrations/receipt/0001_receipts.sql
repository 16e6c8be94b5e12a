-- How far people have read: the newest receipt of each user, room, kind and thread. An
-- empty thread is a receipt for all of them.
-- +goose Up
CREATE TABLE receipts (
    room_id   TEXT   NOT NULL,
    user_id   TEXT   NOT NULL,
    kind      TEXT   NOT NULL,
    thread    TEXT   NOT NULL,
    event_id  TEXT   NOT NULL,
    event_pos BIGINT NOT NULL,
    ts        BIGINT NOT NULL,
    pos       BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id, kind, thread)
);
CREATE INDEX receipts_pos ON receipts (room_id, pos);
