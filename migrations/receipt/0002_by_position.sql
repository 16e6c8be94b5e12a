-- In which rooms receipts have moved is asked at once for all of them.
-- +goose Up
CREATE INDEX receipts_moved ON receipts (pos, room_id);
