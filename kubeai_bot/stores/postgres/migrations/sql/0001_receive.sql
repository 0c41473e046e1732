-- Records one event: refuses repeats, opens the session where it may, takes the lease where it is free, and gives the
-- tail. Each statement of a function sees what was committed before it began, so everything read after the session's
-- row is locked is of one moment. Locks are taken in the order session, keys; nobody takes them the other way round.
CREATE FUNCTION receive_1(
    p_keys text[],           -- sorted
    p_attempt bigint,        -- the same when the caller repeats a call whose connection was lost
    p_team text,
    p_channel text,
    p_thread text,
    p_is_dm boolean,
    p_opens boolean,
    p_id text,               -- of the session, where one is opened
    p_user text,
    p_name text,
    p_body bytea,
    p_owner text,            -- NULL: no claim
    p_ttl double precision,
    p_known_id text,
    p_known_seq integer,
    p_newest integer,        -- NULL: all
    OUT outcome text,        -- received, repeated, ignored
    OUT session sessions,
    OUT item bigint,
    OUT granted boolean,
    OUT messages bytea[],
    OUT inbox_ids bigint[],
    OUT inbox_bodies bytea[]
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz;
    v_seen event_keys;
    v_own boolean;
    v_expired boolean := false;
    v_after integer := 0;
BEGIN
    SELECT k.* INTO v_seen FROM event_keys k WHERE k.key = ANY (p_keys) AND k.expires_at > clock_timestamp() LIMIT 1;
    v_own := FOUND AND v_seen.attempt = p_attempt;
    IF FOUND AND NOT v_own THEN
        outcome := 'repeated';
        SELECT s.* INTO session FROM sessions s WHERE s.number = v_seen.session;
        RETURN;
    END IF;

    LOOP
        SELECT s.* INTO session FROM sessions s
            WHERE s.team_id = p_team AND s.channel_id = p_channel AND s.thread_ts = p_thread
            FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        DELETE FROM expired_threads e
            WHERE e.team_id = p_team AND e.channel_id = p_channel AND e.thread_ts = p_thread;
        v_expired := v_expired OR FOUND;
        IF NOT p_opens AND NOT v_expired THEN
            -- Somebody may have used the mark up while this waited for it: then there is a session now.
            CONTINUE WHEN EXISTS (
                SELECT FROM sessions s
                WHERE s.team_id = p_team AND s.channel_id = p_channel AND s.thread_ts = p_thread
            );
            outcome := 'ignored';
            RETURN;
        END IF;
        v_now := clock_timestamp();
        INSERT INTO sessions AS s (id, team_id, channel_id, thread_ts, is_dm, slack_user_id, name, created_at,
                modified_at, modified_hour, follows_expired, epoch, lease_owner, lease_expires_at)
            VALUES (p_id, p_team, p_channel, p_thread, p_is_dm, p_user, p_name, v_now,
                v_now, floor(extract(epoch FROM v_now) / 3600), v_expired, CASE WHEN p_owner IS NULL THEN 0 ELSE 1 END, coalesce(p_owner, ''),
                coalesce(v_now + make_interval(secs => p_ttl), 'epoch'))
            ON CONFLICT (team_id, channel_id, thread_ts) DO NOTHING
            RETURNING s.* INTO session;
        IF FOUND THEN
            granted := p_owner IS NOT NULL;
            EXIT;
        END IF;
    END LOOP;

    IF NOT v_own THEN
        -- Where somebody has recorded the same event since the look above, its unique key undoes everything, and the
        -- caller looks again.
        DELETE FROM event_keys k WHERE k.key = ANY (p_keys) AND k.expires_at <= clock_timestamp();
        INSERT INTO event_keys (key, session, attempt, expires_at)
            SELECT each, session.number, p_attempt, clock_timestamp() + interval '1 day' FROM unnest(p_keys) each;
        INSERT INTO inbox AS i (session, body) VALUES (session.number, p_body) RETURNING i.id INTO item;
    END IF;

    IF granted IS NULL THEN
        v_now := clock_timestamp();
        granted := p_owner IS NOT NULL
            AND (session.lease_expires_at <= v_now OR (v_own AND session.lease_owner = p_owner));
        UPDATE sessions s
            SET modified_at = greatest(s.modified_at, v_now),
                modified_hour = floor(extract(epoch FROM greatest(s.modified_at, v_now)) / 3600),
                epoch = s.epoch + granted::integer,
                lease_owner = CASE WHEN granted THEN p_owner ELSE s.lease_owner END,
                lease_expires_at =
                    CASE WHEN granted THEN v_now + make_interval(secs => p_ttl) ELSE s.lease_expires_at END
            WHERE s.number = session.number
            RETURNING s.* INTO session;
    END IF;

    outcome := 'received';
    IF NOT granted THEN
        -- Whoever got the lease works at once; all others must hear of it. (Commits that notify wait for each other.)
        PERFORM pg_notify(current_schema(), coalesce(item, 0) || ' ' || session.id);
        RETURN;
    END IF;
    IF p_known_id = session.id AND p_known_seq <= session.last_seq THEN
        v_after := p_known_seq;
    END IF;
    v_after := greatest(v_after, session.last_seq - p_newest);
    IF v_after < session.last_seq THEN
        SELECT array_agg(m.body ORDER BY m.seq) INTO messages FROM messages m
            WHERE m.session = session.number AND m.seq > v_after;
    END IF;
    SELECT array_agg(i.id ORDER BY i.id), array_agg(i.body ORDER BY i.id) INTO inbox_ids, inbox_bodies
        FROM inbox i WHERE i.session = session.number;
END
$$;
