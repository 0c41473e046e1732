CREATE TABLE audit (
    process text NOT NULL,
    number bigint NOT NULL,
    at timestamptz NOT NULL,
    record text NOT NULL,
    PRIMARY KEY (process, number)
);
CREATE INDEX audit_by_time ON audit (at);
