-- What a server sends waits for itself: a copy that another has sent first, which may be
-- forged, is not the event.
-- +goose Up
DROP INDEX inbound_events_room;
DROP INDEX inbound_events_due;
ALTER TABLE inbound_events RENAME TO inbound_events_of_anybody;
CREATE TABLE inbound_events (
    event_id    TEXT   NOT NULL,
    origin      TEXT   NOT NULL,
    seq         BIGINT NOT NULL,
    room_id     TEXT   NOT NULL,
    attempts    BIGINT NOT NULL,
    due_ms      BIGINT NOT NULL,
    received_ms BIGINT NOT NULL,
    json        BYTEA  NOT NULL,
    PRIMARY KEY (event_id, origin)
);
INSERT INTO inbound_events (event_id, origin, seq, room_id, attempts, due_ms, received_ms, json)
    SELECT event_id, origin, seq, room_id, attempts, due_ms, received_ms, json FROM inbound_events_of_anybody;
DROP TABLE inbound_events_of_anybody;
CREATE INDEX inbound_events_room ON inbound_events (room_id, seq);
CREATE INDEX inbound_events_due ON inbound_events (due_ms);
