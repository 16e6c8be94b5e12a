-- Whom identity servers turn away, as they have signed it last: it holds while they cannot
-- be reached, after a restart too.
-- +goose Up
CREATE TABLE blocklist_policies (
    server TEXT   NOT NULL PRIMARY KEY,
    ts     BIGINT NOT NULL,
    policy BYTEA  NOT NULL
);
