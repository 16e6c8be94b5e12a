-- An account that was deactivated keeps its name, which nobody else may ever have, and
-- whether its content is to be erased. Administrators are made by the operator.
-- +goose Up
ALTER TABLE account_users ADD COLUMN admin          BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE account_users ADD COLUMN deactivated_ms BIGINT  NOT NULL DEFAULT 0;
ALTER TABLE account_users ADD COLUMN erase          BOOLEAN NOT NULL DEFAULT FALSE;
