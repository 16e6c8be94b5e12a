-- How much account data each user keeps, in pieces and in octets of their contents: it has
-- bounds, and counting it anew at each write would read all of it.
-- +goose Up
CREATE TABLE userdata_usage (
    user_id TEXT   NOT NULL PRIMARY KEY,
    items   BIGINT NOT NULL,
    octets  BIGINT NOT NULL
);
INSERT INTO userdata_usage (user_id, items, octets)
    SELECT user_id, COUNT(*), SUM(OCTET_LENGTH(content)) FROM userdata_account_data GROUP BY user_id;
