-- The keys of other servers, as far as they were ever proven: what a key signed before
-- valid_until, or before expired where its server has said so (0 until then), can be
-- verified for ever.
-- +goose Up
CREATE TABLE verify_keys (
    server      TEXT   NOT NULL,
    key_id      TEXT   NOT NULL,
    public      BYTEA  NOT NULL,
    valid_until BIGINT NOT NULL,
    expired     BIGINT NOT NULL,
    PRIMARY KEY (server, key_id)
);
