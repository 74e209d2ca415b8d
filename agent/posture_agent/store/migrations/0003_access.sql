-- Who may do what: row level security on every table; posture_writer may insert and nothing else, posture_reader may read
-- and nothing else. Neither can log in: give the login that a program uses one of them (GRANT posture_writer TO …), or
-- make it one (ALTER ROLE posture_writer LOGIN PASSWORD …). Whoever owns the tables is not bound by it.
--
-- A login that had rights to an older table by its own name keeps them. PUBLIC, and Supabase's `anon` and
-- `authenticated`, whom anyone is who holds the project's public key, lose theirs.
DO $$
DECLARE
  wanted text;
  kept record;
  strangers text;
  sequence text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['posture_writer', 'posture_reader'] LOOP
    CONTINUE WHEN to_regrole(wanted) IS NOT NULL;
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
    EXCEPTION
      WHEN insufficient_privilege THEN
        RAISE NOTICE 'the role % may not be created by %: name logins by --writer and --reader', wanted, current_user;
      WHEN duplicate_object OR unique_violation THEN
        NULL;  -- another database of this server was brought up to date at the same moment
    END;
  END LOOP;

  SELECT string_agg(quote_ident(rolname), ', ') INTO strangers
    FROM pg_roles WHERE rolname IN ('anon', 'authenticated');
  strangers := concat_ws(', ', 'PUBLIC', strangers);

  FOREACH wanted IN ARRAY ARRAY[
    'posture_log', 'placement_log', 'operator_audit', 'posture_baseline', 'posture_episode'
  ] LOOP
    IF NOT (SELECT relrowsecurity FROM pg_class WHERE oid = wanted::regclass) THEN
      EXECUTE format('REVOKE ALL ON %I FROM %s', wanted, strangers);
      FOR kept IN
        SELECT r.rolname AS name, a.privilege_type AS may
        FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
        WHERE c.oid = wanted::regclass AND a.grantee <> c.relowner AND NOT r.rolbypassrls
          AND a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
      LOOP
        EXECUTE format(
          'CREATE POLICY %I ON %I FOR %s TO %I %s', left('posture_kept_' || lower(kept.may) || '_' || kept.name, 63),
          wanted, kept.may, kept.name,
          CASE kept.may WHEN 'INSERT' THEN 'WITH CHECK (true)' ELSE 'USING (true)' END
        );
      END LOOP;
      EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', wanted);
    END IF;

    IF to_regrole('posture_writer') IS NOT NULL THEN
      EXECUTE format('GRANT INSERT ON %I TO posture_writer', wanted);
      EXECUTE format('CREATE POLICY posture_writer_insert ON %I FOR INSERT TO posture_writer WITH CHECK (true)', wanted);
    END IF;
    IF to_regrole('posture_reader') IS NOT NULL THEN
      EXECUTE format('GRANT SELECT ON %I TO posture_reader', wanted);
      EXECUTE format('CREATE POLICY posture_reader_select ON %I FOR SELECT TO posture_reader USING (true)', wanted);
    END IF;
  END LOOP;

  -- Which migrations were made is nobody's business but the owner's.
  EXECUTE format('REVOKE ALL ON schema_migrations FROM %s', strangers);
  ALTER TABLE schema_migrations ENABLE ROW LEVEL SECURITY;

  IF to_regrole('posture_writer') IS NOT NULL THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO posture_writer', current_schema());
    -- Tables of older installations number their rows by a sequence that needs a right of its own.
    FOR sequence IN
      SELECT pg_get_serial_sequence('posture_log', attname) FROM pg_attribute
      WHERE attrelid = 'posture_log'::regclass AND attnum > 0 AND NOT attisdropped
    LOOP
      IF sequence IS NOT NULL THEN
        EXECUTE 'GRANT USAGE ON SEQUENCE ' || sequence || ' TO posture_writer';
      END IF;
    END LOOP;
  END IF;
  IF to_regrole('posture_reader') IS NOT NULL THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO posture_reader', current_schema());
  END IF;
END
$$;
