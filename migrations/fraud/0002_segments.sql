-- A long text message travels in segments, each at the price of one. Messages from before
-- were charged as one segment each.
-- +goose Up
ALTER TABLE fraud_spend ADD COLUMN segments BIGINT NOT NULL DEFAULT 0;
UPDATE fraud_spend SET segments = messages;
