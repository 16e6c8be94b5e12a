-- Accounts that their owners have registered themselves begin with small budgets. Those of
-- before, and those that the operator makes, do not.
-- +goose Up
ALTER TABLE account_users ADD COLUMN probation BOOLEAN NOT NULL DEFAULT FALSE;
