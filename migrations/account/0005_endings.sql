-- How often tokens of some users have ended, by a slot that many users share: a process
-- that keeps tokens in memory looks here for what another one has ended.
-- +goose Up
CREATE TABLE account_endings (
    slot  BIGINT NOT NULL PRIMARY KEY,
    ended BIGINT NOT NULL
);
