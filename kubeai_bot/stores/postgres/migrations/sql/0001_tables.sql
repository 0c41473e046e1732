-- What changes at each step stands together at the end: the log of an update leaves out the beginning that it shares
-- with the row before.
CREATE TABLE sessions (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    team_id text NOT NULL,
    channel_id text NOT NULL,
    thread_ts text NOT NULL,
    is_dm boolean NOT NULL,
    slack_user_id text NOT NULL,
    created_at timestamptz NOT NULL,
    follows_expired boolean NOT NULL DEFAULT false,
    name text NOT NULL,
    provider text NOT NULL DEFAULT '',
    model text NOT NULL DEFAULT '',
    mcp_status text NOT NULL DEFAULT '{}',
    metadata text NOT NULL DEFAULT '{}',
    approval text NOT NULL DEFAULT '{}',
    start_seq integer NOT NULL DEFAULT 1,
    modified_hour integer NOT NULL,
    last_identity text NOT NULL DEFAULT 'null',
    turn text NOT NULL DEFAULT 'null',
    answer text NOT NULL DEFAULT 'null',
    agent_state text NOT NULL DEFAULT 'idle',
    last_seq integer NOT NULL DEFAULT 0,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    cached_tokens bigint NOT NULL DEFAULT 0,
    step_id text,
    step_seq integer NOT NULL DEFAULT 0,
    modified_at timestamptz NOT NULL,
    epoch bigint NOT NULL DEFAULT 0,
    lease_owner text NOT NULL DEFAULT '',
    lease_expires_at timestamptz NOT NULL DEFAULT 'epoch',
    UNIQUE (team_id, channel_id, thread_ts)
) WITH (fillfactor = 70);  -- with room on the page, and no indexed column changed, an update touches no index
CREATE INDEX sessions_by_activity ON sessions (modified_hour);
CREATE INDEX sessions_of_user ON sessions (slack_user_id);

CREATE TABLE messages (
    session bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    seq integer NOT NULL,
    speaker text,
    body bytea NOT NULL,
    PRIMARY KEY (session, seq)
) WITH (toast_tuple_target = 4080);
ALTER TABLE messages ALTER COLUMN body SET STORAGE EXTERNAL;  -- it is compressed already
CREATE INDEX messages_of_speaker ON messages (speaker, session) WHERE speaker IS NOT NULL;

CREATE TABLE inbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    body bytea NOT NULL
);
CREATE INDEX inbox_of_session ON inbox (session);

CREATE TABLE event_keys (
    key text PRIMARY KEY,
    session bigint NOT NULL,
    attempt bigint NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE turns (
    session bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    turn_id text NOT NULL,
    user_id text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    ended boolean NOT NULL DEFAULT false,
    PRIMARY KEY (session, turn_id)
);
CREATE INDEX turns_open ON turns (session) WHERE NOT ended;

CREATE TABLE feedback (
    session bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    turn_id text NOT NULL,
    user_id text NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (session, turn_id, user_id)
);
CREATE INDEX feedback_of_user ON feedback (user_id);

CREATE TABLE expired_threads (
    team_id text NOT NULL,
    channel_id text NOT NULL,
    thread_ts text NOT NULL,
    modified_at timestamptz NOT NULL,
    expired_at timestamptz NOT NULL,
    PRIMARY KEY (team_id, channel_id, thread_ts)
);

CREATE TABLE compatibility (
    tables integer PRIMARY KEY,
    oldest_code integer NOT NULL
);
