-- posture_remove_old: what is older than `days` goes; rows of bad posture and of episodes, the episodes themselves,
-- decisions and commands stay for `bad_days`, baselines for ever. One call removes at most `at_most` rows of each table,
-- so that no lock is held for long; with `dry_run` it only counts. `zone` is that of received_time where the table has
-- it without one. Called by `posture-agent retention --admin-url URL`, or each night by pg_cron:
--   SELECT cron.schedule('posture-retention', '17 3 * * *', 'SELECT posture_remove_old(365, 730, 1000000)');
CREATE FUNCTION posture_remove_old(
  days double precision,
  bad_days double precision,
  at_most bigint DEFAULT 10000,
  dry_run boolean DEFAULT false,
  zone text DEFAULT 'UTC'
) RETURNS TABLE (table_name text, removed bigint)
LANGUAGE plpgsql SECURITY INVOKER AS $$
DECLARE
  old timestamp with time zone := now() - days * interval '1 day';
  bad_old timestamp with time zone := now() - bad_days * interval '1 day';
  aged text;
BEGIN
  IF days < 1 OR bad_days < days THEN
    RAISE EXCEPTION 'days must be at least 1 and bad_days at least days, not % and %', days, bad_days
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM set_config('timezone', zone, true);  -- for this transaction: what a time without a zone means
  FOR table_name, aged IN VALUES
    ('posture_log', 'SELECT ctid FROM posture_log p WHERE p.received_time::timestamptz < $2
       OR p.received_time::timestamptz < $1 AND p.posture_status IS DISTINCT FROM ''Bad'' AND NOT EXISTS (
         SELECT FROM posture_episode e WHERE e.pi_id = p.pi_id
           AND p.received_time::timestamptz BETWEEN e.started AND coalesce(e.ended, now()))'),
    ('posture_episode', 'SELECT ctid FROM posture_episode WHERE coalesce(ended, started) < $2'),
    ('placement_log', 'SELECT ctid FROM placement_log WHERE at < $2'),
    ('operator_audit', 'SELECT ctid FROM operator_audit WHERE at < $2')
  LOOP
    IF dry_run THEN
      EXECUTE format('SELECT count(*) FROM (%s) due', aged) USING old, bad_old INTO removed;
    ELSE
      EXECUTE format('DELETE FROM %I WHERE ctid = ANY (ARRAY(%s LIMIT $3))', table_name, aged)
        USING old, bad_old, at_most;
      GET DIAGNOSTICS removed = ROW_COUNT;
    END IF;
    RETURN NEXT;
  END LOOP;
END
$$;
REVOKE ALL ON FUNCTION posture_remove_old(double precision, double precision, bigint, boolean, text) FROM PUBLIC;
DO $$
DECLARE
  stranger text;
BEGIN
  FOR stranger IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION posture_remove_old FROM %I', stranger);
  END LOOP;
END
$$;
