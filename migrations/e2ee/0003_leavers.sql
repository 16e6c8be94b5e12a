-- Users whose accounts have been deactivated and of whom others have yet to be told that
-- their devices are gone: a crash, or a command beside the server, leaves them here.
-- +goose Up
CREATE TABLE e2ee_leavers (
    user_id TEXT NOT NULL PRIMARY KEY
);
