-- Messages to devices until they are known to have arrived, and the transactions that
-- sent them, by which a repeated request is known: of a device here, or of another
-- server, where device_id is empty.
-- +goose Up
CREATE TABLE e2ee_to_device (
    user_id   TEXT   NOT NULL,
    device_id TEXT   NOT NULL,
    pos       BIGINT NOT NULL,
    sender    TEXT   NOT NULL,
    type      TEXT   NOT NULL,
    content   TEXT   NOT NULL,
    PRIMARY KEY (user_id, device_id, pos)
);

CREATE TABLE e2ee_transactions (
    sender    TEXT   NOT NULL,
    device_id TEXT   NOT NULL,
    type      TEXT   NOT NULL,
    txn_id    TEXT   NOT NULL,
    done_ms   BIGINT NOT NULL,
    PRIMARY KEY (sender, device_id, type, txn_id)
);
CREATE INDEX e2ee_transactions_done ON e2ee_transactions (done_ms);
