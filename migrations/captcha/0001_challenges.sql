-- CAPTCHAs: what each is for, as the tag that its caller gave, and what became of
-- it. The answer is nowhere: it follows from the id and a sealed key, and the picture is
-- sealed, too.
-- +goose Up
CREATE TABLE captcha_challenges (
    id         TEXT   NOT NULL PRIMARY KEY,
    subject    BYTEA  NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    tries      BIGINT NOT NULL DEFAULT 0,
    readings   BIGINT NOT NULL DEFAULT 0,
    passed_ms  BIGINT NOT NULL DEFAULT 0,
    checked_ms BIGINT NOT NULL DEFAULT 0,
    spent_ms   BIGINT NOT NULL DEFAULT 0,
    image      BYTEA  NOT NULL
);
CREATE INDEX captcha_subject ON captcha_challenges (subject, expires_ms);
CREATE INDEX captcha_expires ON captcha_challenges (expires_ms);
