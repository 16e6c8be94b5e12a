-- What was claimed or accepted for a user is found when the user asks for it, or has it
-- erased.
-- +goose Up
CREATE INDEX invite_claimed ON invite_invitations (claimed_by);
