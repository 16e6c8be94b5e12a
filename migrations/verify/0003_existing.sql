-- existing: the session's last message said that its address has an account already, where
-- somebody wanted to sign up; nothing opens such a session.
-- +goose Up
ALTER TABLE verify_sessions ADD COLUMN existing BOOLEAN NOT NULL DEFAULT FALSE;
