-- Up Migration

-- TRUNCATE does not fire row triggers, and a partition has only triggers of its own: so each table gets a trigger.
CREATE FUNCTION refuse_audit_truncation(partition regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format(
    'CREATE TRIGGER audit_events_not_truncated BEFORE TRUNCATE ON %s
       FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()',
    partition
  );
END $$;

SELECT refuse_audit_truncation(relid) FROM pg_partition_tree('audit_events');

-- Makes the partition of the month of $1, if it is missing. Callers serialise by the advisory lock.
-- Events of that month that were recorded before, by a clock that was ahead, are in the default partition, and PostgreSQL
-- then refuses a partition for that month. So the default partition is detached while they move. They move with all
-- columns, also those of later migrations.
CREATE OR REPLACE FUNCTION ensure_audit_partition(month timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  first_day timestamp := date_trunc('month', month AT TIME ZONE 'UTC');
  month_begins timestamptz := first_day AT TIME ZONE 'UTC';
  month_ends timestamptz := (first_day + interval '1 month') AT TIME ZONE 'UTC';
  partition_name text := 'audit_events_' || to_char(first_day, 'YYYY_MM');
  has_early_events boolean;
BEGIN
  PERFORM pg_advisory_xact_lock(7305612490118);
  IF to_regclass(partition_name) IS NOT NULL THEN
    RETURN;
  END IF;

  -- From here on nothing is added to it.
  LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE;
  SELECT EXISTS (
    SELECT FROM audit_events_default WHERE occurred_at >= month_begins AND occurred_at < month_ends
  ) INTO has_early_events;
  IF has_early_events THEN
    ALTER TABLE audit_events DETACH PARTITION audit_events_default;
  END IF;

  EXECUTE format(
    'CREATE TABLE %I PARTITION OF audit_events FOR VALUES FROM (%L) TO (%L)',
    partition_name, month_begins, month_ends
  );
  PERFORM refuse_audit_truncation(partition_name::regclass);

  IF has_early_events THEN
    INSERT INTO audit_events
    SELECT * FROM audit_events_default WHERE occurred_at >= month_begins AND occurred_at < month_ends;
    DELETE FROM audit_events_default WHERE occurred_at >= month_begins AND occurred_at < month_ends;
    ALTER TABLE audit_events ATTACH PARTITION audit_events_default DEFAULT;
  END IF;
END $$;
