-- Messages that were sent after a CAPTCHA was passed for them (or all, where none is ever
-- asked), by block, ten minutes and number, of which a keyed tag is kept. A block is paused
-- by these alone, and only if they went to enough numbers.
-- +goose Up
CREATE TABLE fraud_vouched (
    scope     TEXT   NOT NULL,
    slot_ms   BIGINT NOT NULL,
    number    TEXT   NOT NULL,
    sent      BIGINT NOT NULL,
    validated BIGINT NOT NULL,
    PRIMARY KEY (scope, slot_ms, number)
);
CREATE INDEX fraud_vouched_slot ON fraud_vouched (slot_ms);
