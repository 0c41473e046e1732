-- One step of a session: its messages, the inbox items they answer and the changes of its record, where the lease is
-- held, the history is where the writer believes and the step is new; with p_release the lease is then given back where
-- nothing unread is left. NULL in a parameter: stays as it is.
CREATE FUNCTION append_1(
    p_id text,
    p_epoch bigint,
    p_expected integer,
    p_step text,
    p_bodies bytea[],
    p_speakers text[],
    p_consume bigint[],
    p_agent_state text,
    p_turn text,             -- the text 'null': no turn is open any more
    p_turn_id text,
    p_turn_user text,
    p_answer text,
    p_last_identity text,
    p_mcp_status text,
    p_metadata text,
    p_approval text,
    p_start_seq integer,
    p_name text,
    p_provider text,
    p_model text,
    p_input bigint,
    p_output bigint,
    p_cached bigint,
    p_release boolean,
    OUT outcome text,        -- appended, repeated, lost, conflict
    OUT last_seq integer,
    OUT released boolean
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := clock_timestamp();
    v_number bigint;
    v_session sessions;
BEGIN
    released := false;
    IF p_release THEN
        -- Whoever receives holds this row: from here on nothing arrives, and the statements below see what did.
        PERFORM FROM sessions s WHERE s.id = p_id FOR NO KEY UPDATE;
    END IF;
    UPDATE sessions s
        SET last_seq = s.last_seq + cardinality(p_bodies),
            step_id = p_step,
            step_seq = s.last_seq + cardinality(p_bodies),
            modified_at = greatest(s.modified_at, v_now),
            modified_hour = floor(extract(epoch FROM greatest(s.modified_at, v_now)) / 3600),
            agent_state = coalesce(p_agent_state, s.agent_state),
            turn = coalesce(p_turn, s.turn),
            answer = coalesce(p_answer, s.answer),
            last_identity = coalesce(p_last_identity, s.last_identity),
            mcp_status = coalesce(p_mcp_status, s.mcp_status),
            metadata = coalesce(p_metadata, s.metadata),
            approval = coalesce(p_approval, s.approval),
            start_seq = coalesce(p_start_seq, s.start_seq),
            name = coalesce(p_name, s.name),
            provider = coalesce(p_provider, s.provider),
            model = coalesce(p_model, s.model),
            input_tokens = s.input_tokens + p_input,
            output_tokens = s.output_tokens + p_output,
            cached_tokens = s.cached_tokens + p_cached,
            lease_expires_at = CASE
                WHEN p_release AND NOT EXISTS (
                    SELECT FROM inbox i WHERE i.session = s.number AND i.id <> ALL (p_consume)
                ) THEN 'epoch' ELSE s.lease_expires_at END
        WHERE s.id = p_id AND s.epoch = p_epoch AND s.lease_expires_at > clock_timestamp()
            AND s.last_seq = p_expected AND s.step_id IS DISTINCT FROM p_step
        RETURNING s.number, s.last_seq, s.lease_expires_at = 'epoch' INTO v_number, last_seq, released;
    IF NOT FOUND THEN
        SELECT s.* INTO v_session FROM sessions s WHERE s.id = p_id;
        released := false;
        IF FOUND AND p_release AND v_session.epoch = p_epoch AND v_session.step_id = p_step
            AND v_session.lease_expires_at = 'epoch' THEN
            outcome := 'repeated';  -- given back when it was first called, and taken by nobody since
            last_seq := v_session.step_seq;
            released := true;
        ELSIF v_session.epoch IS DISTINCT FROM p_epoch OR v_session.lease_expires_at <= clock_timestamp() THEN
            outcome := 'lost';
        ELSIF v_session.step_id = p_step THEN
            outcome := 'repeated';
            last_seq := v_session.step_seq;
            IF p_release THEN
                UPDATE sessions s SET lease_expires_at = 'epoch'
                    WHERE s.number = v_session.number
                        AND NOT EXISTS (SELECT FROM inbox i WHERE i.session = s.number);
                released := FOUND;
            END IF;
        ELSE
            outcome := 'conflict';
            last_seq := v_session.last_seq;
        END IF;
        RETURN;
    END IF;

    outcome := 'appended';
    IF cardinality(p_bodies) > 0 THEN
        INSERT INTO messages (session, seq, speaker, body)
            SELECT v_number, p_expected + each.n, each.speaker, each.body
            FROM unnest(p_bodies, p_speakers) WITH ORDINALITY AS each (body, speaker, n);
    END IF;
    IF cardinality(p_consume) > 0 THEN
        DELETE FROM inbox i WHERE i.id = ANY (p_consume) AND i.session = v_number;
    END IF;
    IF p_turn IS NOT NULL THEN
        UPDATE turns t SET ended = true, updated_at = v_now
            WHERE t.session = v_number AND NOT t.ended AND t.turn_id IS DISTINCT FROM p_turn_id;
        IF p_turn_id IS NOT NULL THEN
            INSERT INTO turns AS t (session, turn_id, user_id, created_at, updated_at)
                VALUES (v_number, p_turn_id, p_turn_user, v_now, v_now)
                ON CONFLICT (session, turn_id) DO UPDATE
                    SET user_id = excluded.user_id, updated_at = excluded.updated_at, ended = false;
        END IF;
    END IF;
END
$$;
