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
-- One row a UTC day and country: the ledger that the caps are held against.
CREATE TABLE fraud_spend (
    day_ms   BIGINT NOT NULL,
    country  TEXT   NOT NULL,
    messages BIGINT NOT NULL,
    micros   BIGINT NOT NULL,
    PRIMARY KEY (day_ms, country)
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
