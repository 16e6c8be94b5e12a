-- Users ask what is stored about them and have it erased, so their changes are found without
-- reading the whole feed. Rows that were blanked are not in the way.
-- +goose Up
CREATE INDEX lookup_changes_user ON lookup_changes (user_id) WHERE user_id <> '';
CREATE INDEX lookup_changes_former ON lookup_changes (former_id) WHERE former_id <> '';
