-- since is the depth at which this server came into a room of others: what is less deep has
-- been taken into account by what it was told then, and is history.
-- +goose Up
ALTER TABLE room_rooms ADD COLUMN since BIGINT NOT NULL DEFAULT 0;
