CREATE TABLE results (
    session bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    handle text NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (session, handle)
);
ALTER TABLE results ALTER COLUMN body SET STORAGE EXTERNAL;  -- it is compressed already
