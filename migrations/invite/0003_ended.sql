-- What was accepted or revoked is forgotten a week later, not a week after it would have
-- expired.
-- +goose Up
CREATE INDEX invite_ended ON invite_invitations (ended_ms) WHERE state IN ('accepted', 'revoked');
