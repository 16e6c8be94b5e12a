-- What somebody who has shown who they are takes to the app that they log in with: once, and
-- for two minutes.
-- +goose Up
CREATE TABLE account_login_tokens (
    token_mac  BYTEA  NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX account_login_tokens_user ON account_login_tokens (user_id);
CREATE INDEX account_login_tokens_expires ON account_login_tokens (expires_ms);
