-- Users whose accounts have ended: whether they have left all rooms, and whether their
-- events are hidden from whoever joins a room after the position. A position of 0 is not
-- known yet.
-- +goose Up
CREATE TABLE departures (
    user_id TEXT    NOT NULL PRIMARY KEY,
    gone    BOOLEAN NOT NULL,
    erase   BOOLEAN NOT NULL,
    pos     BIGINT  NOT NULL
);
CREATE INDEX departures_wishes ON departures (user_id) WHERE NOT gone;
