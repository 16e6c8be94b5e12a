-- Sessions of interactive authentication belong to one request of one device and keep
-- the stages that were passed; registration tokens let in whom they were given to. A
-- session from before belongs to no request, so that nothing can be done with it.
-- +goose Up
ALTER TABLE account_uia ADD COLUMN operation TEXT NOT NULL DEFAULT '';
ALTER TABLE account_uia ADD COLUMN user_id   TEXT NOT NULL DEFAULT '';
ALTER TABLE account_uia ADD COLUMN binding   BYTEA;
ALTER TABLE account_uia ADD COLUMN completed TEXT NOT NULL DEFAULT '';
ALTER TABLE account_uia ADD COLUMN token_mac BYTEA;
CREATE INDEX account_uia_user ON account_uia (user_id);

CREATE TABLE account_registration_tokens (
    token_mac  BYTEA  NOT NULL PRIMARY KEY,
    sealed     BYTEA  NOT NULL,
    used       BIGINT NOT NULL,
    use_limit  BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);
