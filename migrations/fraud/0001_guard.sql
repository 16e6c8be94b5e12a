-- What keeps text messages from costing more than they are worth. A scope is a country
-- (its ISO 3166-1 code) or a block of numbers (64 hexadecimal digits of a keyed tag);
-- no table holds a number or a part of one. Money is millionths of a unit.
-- +goose Up
CREATE TABLE fraud_switch (
    medium     TEXT    NOT NULL PRIMARY KEY,
    sending    BOOLEAN NOT NULL,
    reason     TEXT    NOT NULL,
    changed_ms BIGINT  NOT NULL
);
-- Running totals of what text messages cost, so that a cap is held against one row: of a
-- period (a UTC day or a calendar month) from its first millisecond, of all countries
-- ('') and, by day, of each.
CREATE TABLE fraud_totals (
    period   TEXT   NOT NULL,
    start_ms BIGINT NOT NULL,
    country  TEXT   NOT NULL,
    messages BIGINT NOT NULL,
    segments BIGINT NOT NULL,
    micros   BIGINT NOT NULL,
    PRIMARY KEY (period, start_ms, country)
);
-- One row a scope and ten minutes: messages sent then, and how many of their codes
-- came back at whatever time.
CREATE TABLE fraud_sends (
    scope     TEXT   NOT NULL,
    slot_ms   BIGINT NOT NULL,
    country   TEXT   NOT NULL,
    sent      BIGINT NOT NULL,
    validated BIGINT NOT NULL,
    PRIMARY KEY (scope, slot_ms)
);
CREATE INDEX fraud_sends_slot ON fraud_sends (slot_ms);
-- Messages that were sent after a CAPTCHA was passed for them (or all, where none is ever
-- asked), by block, ten minutes and number, of which a keyed tag is kept. A block is paused
-- by these alone, and only if they went to enough numbers.
CREATE TABLE fraud_vouched (
    scope     TEXT   NOT NULL,
    slot_ms   BIGINT NOT NULL,
    number    TEXT   NOT NULL,
    sent      BIGINT NOT NULL,
    validated BIGINT NOT NULL,
    PRIMARY KEY (scope, slot_ms, number)
);
CREATE INDEX fraud_vouched_slot ON fraud_vouched (slot_ms);
-- Until until_ms nothing is sent to the scope; what was sent before it is forgiven.
CREATE TABLE fraud_pauses (
    scope     TEXT   NOT NULL PRIMARY KEY,
    country   TEXT   NOT NULL,
    since_ms  BIGINT NOT NULL,
    until_ms  BIGINT NOT NULL,
    sent      BIGINT NOT NULL,
    validated BIGINT NOT NULL
);
-- What the operator has been told once.
CREATE TABLE fraud_alerts (
    alert     TEXT   NOT NULL PRIMARY KEY,
    raised_ms BIGINT NOT NULL
);
