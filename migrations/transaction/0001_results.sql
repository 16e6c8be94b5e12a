-- What became of the transactions that other servers have sent, for a while: a server that
-- did not hear our answer sends the same one again. result is the answer's JSON.
-- +goose Up
CREATE TABLE transaction_results (
    origin      TEXT   NOT NULL,
    txn_id      TEXT   NOT NULL,
    result      BYTEA  NOT NULL,
    received_ms BIGINT NOT NULL,
    PRIMARY KEY (origin, txn_id)
);
CREATE INDEX transaction_results_received ON transaction_results (received_ms);
