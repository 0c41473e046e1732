CREATE TABLE audit_trims (
    process text NOT NULL,
    number bigint NOT NULL,
    hmac text NOT NULL,
    seal text NOT NULL,
    PRIMARY KEY (process)
);
-- What was deleted before there were seals.
INSERT INTO audit_trims (process, number, hmac, seal)
SELECT process, number - 1, record::json ->> 'before', ''
FROM audit JOIN (SELECT process, min(number) AS number FROM audit GROUP BY process) AS firsts USING (process, number)
WHERE number > 1;
