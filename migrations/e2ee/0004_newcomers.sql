-- Users of this server who have come into rooms in which other servers are, by a join at
-- pos, and whose devices those have yet to be told of.
-- +goose Up
CREATE TABLE e2ee_newcomers (
    user_id TEXT   NOT NULL,
    room_id TEXT   NOT NULL,
    pos     BIGINT NOT NULL,
    PRIMARY KEY (user_id, room_id)
);
