-- Views for dashboards: what is asked most often, fast on large tables, whatever types an older table has. They show a
-- reader no more than the tables would (PostgreSQL 15 and newer); before that they are for posture_reader alone.

-- The newest row of each camera: goes from camera to camera by the index, not over all rows.
CREATE VIEW posture_now AS
WITH RECURSIVE camera AS (
  (SELECT pi_id FROM posture_log WHERE pi_id IS NOT NULL ORDER BY pi_id LIMIT 1)
  UNION ALL
  SELECT (SELECT p.pi_id FROM posture_log p WHERE p.pi_id > c.pi_id ORDER BY p.pi_id LIMIT 1)
  FROM camera c WHERE c.pi_id IS NOT NULL
)
SELECT last.*
FROM camera CROSS JOIN LATERAL (
  SELECT p.pi_id, p.received_time, p.posture_status, p.neck_angle::double precision AS neck_angle,
         p.body_angle::double precision AS body_angle, p.reason, p.processed_by, p.image_path
  FROM posture_log p WHERE p.pi_id = camera.pi_id AND p.received_time IS NOT NULL
  ORDER BY p.received_time DESC LIMIT 1
) last
WHERE camera.pi_id IS NOT NULL;

-- A line for each camera and day. share_bad is that of the judged frames, 0-1; null on a day without one.
CREATE VIEW posture_by_day AS
SELECT pi_id,
       received_time::timestamp::date AS day,
       count(*) AS frames,
       count(*) FILTER (WHERE posture_status = 'Good') AS good,
       count(*) FILTER (WHERE posture_status = 'Bad') AS bad,
       count(*) FILTER (WHERE posture_status = 'Bad')::double precision
         / nullif(count(*) FILTER (WHERE posture_status IN ('Good', 'Bad')), 0) AS share_bad,
       avg(neck_angle::double precision) FILTER (WHERE posture_status IN ('Good', 'Bad')) AS neck_angle,
       avg(body_angle::double precision) FILTER (WHERE posture_status IN ('Good', 'Bad')) AS body_angle
FROM posture_log
GROUP BY pi_id, received_time::timestamp::date;

-- A line for each camera and day (UTC) with an episode of bad posture.
CREATE VIEW posture_episodes_by_day AS
SELECT pi_id,
       (started AT TIME ZONE 'UTC')::date AS day,
       count(*) AS episodes,
       sum(duration_s) AS total_s,
       max(duration_s) AS longest_s
FROM posture_episode
GROUP BY pi_id, (started AT TIME ZONE 'UTC')::date;

DO $$
DECLARE
  wanted text;
  stranger text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['posture_now', 'posture_by_day', 'posture_episodes_by_day'] LOOP
    IF current_setting('server_version_num')::integer >= 150000 THEN
      EXECUTE format('ALTER VIEW %I SET (security_invoker = true)', wanted);
    END IF;
    EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', wanted);
    FOR stranger IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
      EXECUTE format('REVOKE ALL ON %I FROM %I', wanted, stranger);
    END LOOP;
    IF to_regrole('posture_reader') IS NOT NULL THEN
      EXECUTE format('GRANT SELECT ON %I TO posture_reader', wanted);
    END IF;
  END LOOP;
END
$$;
