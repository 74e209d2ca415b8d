-- The true time of rows, for dashboards: received_time is with a zone in some tables, without one in most, text in a few.
-- Where it says no zone, `zone` is meant (the setting database.time_zone). None of these shows more than the table would.

CREATE FUNCTION posture_moment(told timestamp with time zone, zone text) RETURNS timestamp with time zone
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT told';

CREATE FUNCTION posture_moment(told timestamp without time zone, zone text) RETURNS timestamp with time zone
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT told AT TIME ZONE zone';

CREATE FUNCTION posture_moment(told text, zone text) RETURNS timestamp with time zone
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN told ~ ':\d\d(\.\d+)? *(Z|[+-]\d\d(:?\d\d)?)$' THEN told::timestamptz
              ELSE nullif(told, '')::timestamp AT TIME ZONE zone END
$$;

-- posture_frames: the rows received from `since` to `until`. PostgreSQL puts the function's text into the query that
-- asks, so that the index on (pi_id, received_time) serves it; so the condition is one on the column as it is.
DO $do$
DECLARE
  kind text := (SELECT atttypid::regtype FROM pg_attribute
                WHERE attrelid = 'posture_log'::regclass AND attname = 'received_time');
  chosen text := CASE kind
    WHEN 'timestamp with time zone' THEN 'p.received_time BETWEEN since AND until'
    WHEN 'timestamp without time zone'
      THEN 'p.received_time BETWEEN (since AT TIME ZONE zone) AND (until AT TIME ZONE zone)'
    ELSE 'posture_moment(p.received_time, zone) BETWEEN since AND until'
  END;
BEGIN
  EXECUTE format($create$
    CREATE FUNCTION posture_frames(
      since timestamp with time zone, until timestamp with time zone, zone text DEFAULT 'UTC'
    ) RETURNS TABLE (
      pi_id text, at timestamp with time zone, posture_status text, neck_angle double precision,
      body_angle double precision, reason text, processed_by text
    ) LANGUAGE sql STABLE PARALLEL SAFE AS %L
  $create$, $body$
    SELECT p.pi_id::text, posture_moment(p.received_time, zone), p.posture_status::text,
           p.neck_angle::double precision, p.body_angle::double precision, p.reason::text, p.processed_by::text
    FROM posture_log p WHERE $body$ || chosen);
END
$do$;
