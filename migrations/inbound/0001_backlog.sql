-- Events of other servers that are still to be dealt with: too many came at once, what they
-- rest on could not be had, or dealing with one has failed. One with due_ms -1 is given up
-- and stays for a day, so that it is not taken in again when it is sent again.
-- +goose Up
CREATE TABLE inbound_events (
    event_id    TEXT   NOT NULL PRIMARY KEY,
    seq         BIGINT NOT NULL,
    room_id     TEXT   NOT NULL,
    origin      TEXT   NOT NULL,
    attempts    BIGINT NOT NULL,
    due_ms      BIGINT NOT NULL,
    received_ms BIGINT NOT NULL,
    json        BYTEA  NOT NULL
);
CREATE INDEX inbound_events_room ON inbound_events (room_id, seq);
CREATE INDEX inbound_events_due ON inbound_events (due_ms);
