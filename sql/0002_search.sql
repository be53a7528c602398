-- Up Migration

-- Keeps searches and lists fast with a million accounts and years of events. bench/README.md has figures, and the cost of
-- the indexes for writes.

DO $$
BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
  RAISE EXCEPTION USING
    ERRCODE = SQLSTATE,
    MESSAGE = format(
      'the search for accounts needs the extension pg_trgm, which could not be installed: %s. Nothing has been '
      'changed. Run CREATE EXTENSION pg_trgm in this database as a superuser, or GRANT CREATE ON DATABASE %I TO %I; '
      'where the server does not have it, install PostgreSQL''s contrib package. Then start again',
      SQLERRM, current_database(), current_user);
END $$;

-- In a database with the locale C, lower() changes ASCII letters only.
DO $$
BEGIN
  EXECUTE format(
    'CREATE FUNCTION lower_name(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS %L',
    CASE WHEN lower('É') <> 'é' AND EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu')
         THEN 'SELECT lower($1 COLLATE "und-x-icu") COLLATE "default"'
         ELSE 'SELECT lower($1)'
    END);
END $$;

CREATE FUNCTION names_of(account accounts) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT COALESCE(E'\n\n' || account.username_key, '')
      || COALESCE(E'\n\n' || account.email_key, '')
      || COALESCE(E'\n\n' || lower_name(account.display_name), '')
      || COALESCE(E'\n\n' || lower_name(account.subject), '')
$$;

-- Trigrams of pg_trgm consist of letters and digits only. With every other character turned into a letter or digit, any
-- three characters (`%_.`, three emoji) have a trigram. Each name begins after two line feeds, so that its first letter,
-- too, has a trigram.
CREATE FUNCTION search_letters(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT regexp_replace(replace($1, E'\n', 'j'), '[^[:alnum:]]', 'q', 'g')
$$;

-- From here to the end, `accounts` is not written to, but it is read: so the copies of its rows below are complete. The
-- foreign key would take the same lock later. `accounts` is locked before `audit_events`, in the order of every statement
-- of the program that writes to both.
LOCK TABLE accounts IN SHARE ROW EXCLUSIVE MODE;

-- What accounts are listed and searched by. It is not in `accounts`, so that a sign-in, which changes an account's row,
-- writes to none of these indexes, and a search reads little.
CREATE TABLE account_search (
  account_id uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  status text NOT NULL,
  enrolled boolean NOT NULL,
  names text NOT NULL,
  -- What the index finds by; the result is then compared with `names`.
  letters text NOT NULL GENERATED ALWAYS AS (search_letters(names)) STORED
);
INSERT INTO account_search (account_id, status, enrolled, names)
SELECT a.id, a.status, a.enrolled_authenticators > 0, names_of(a) FROM accounts AS a;

-- Kept by triggers, so that the previous release, which may run on this schema, keeps it too.
CREATE FUNCTION keep_account_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO account_search (account_id, status, enrolled, names)
  VALUES (NEW.id, NEW.status, NEW.enrolled_authenticators > 0, names_of(NEW))
      ON CONFLICT (account_id) DO UPDATE
     SET status = excluded.status, enrolled = excluded.enrolled, names = excluded.names;
  RETURN NULL;
END $$;
CREATE TRIGGER accounts_found_first AFTER INSERT ON accounts
  FOR EACH ROW EXECUTE FUNCTION keep_account_search();
CREATE TRIGGER accounts_found_otherwise
  AFTER UPDATE OF username_key, email_key, display_name, subject, status, enrolled_authenticators ON accounts
  FOR EACH ROW WHEN (
    (names_of(OLD), OLD.status, OLD.enrolled_authenticators > 0)
      IS DISTINCT FROM (names_of(NEW), NEW.status, NEW.enrolled_authenticators > 0)
  ) EXECUTE FUNCTION keep_account_search();

-- The operator class is in the schema of the extension, which need not be in the search path. A search reads the whole
-- pending list of a GIN index, so the list is kept short (KB).
DO $$
BEGIN
  EXECUTE format(
    'CREATE INDEX account_search_letters ON account_search USING gin (letters %I.gin_trgm_ops) WITH (gin_pending_list_limit = 256)',
    (SELECT n.nspname FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm'));
END $$;
-- A random order: a UUIDv7 ends in random bits (RFC 9562 5.7). A walk along it soon meets a match that many accounts
-- have, whenever they were created.
CREATE INDEX account_search_scattered ON account_search ((reverse(account_id::text)) COLLATE "C") INCLUDE (account_id, names);

-- The roles of `accounts`, by role and then in the order of lists, which no index on an array has.
CREATE TABLE account_roles (
  role text,
  account_id uuid,
  PRIMARY KEY (role, account_id)
);
INSERT INTO account_roles (role, account_id)
SELECT DISTINCT role, a.id FROM accounts AS a, unnest(a.roles) AS role;

CREATE FUNCTION keep_account_roles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM account_roles WHERE role = ANY (OLD.roles) AND account_id = OLD.id;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO account_roles (role, account_id)
    SELECT DISTINCT role, NEW.id FROM unnest(NEW.roles) AS role;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER accounts_given_roles AFTER INSERT OR DELETE ON accounts
  FOR EACH ROW EXECUTE FUNCTION keep_account_roles();
CREATE TRIGGER accounts_roles_changed AFTER UPDATE OF roles ON accounts
  FOR EACH ROW WHEN (OLD.roles <> NEW.roles) EXECUTE FUNCTION keep_account_roles();

-- The other filters of the list, each in its order.
CREATE INDEX account_search_status ON account_search (status, account_id);
CREATE INDEX account_search_enrolled ON account_search (enrolled, account_id);
-- Before an administrator is demoted, it is checked whether there is another one.
CREATE INDEX accounts_administrators ON accounts (id)
 WHERE client_id IS NULL AND status = 'active' AND 'admin' = ANY (roles);
-- External subjects by their address, as own accounts by `accounts_email`.
CREATE INDEX accounts_subject_email ON accounts (email_key) WHERE client_id IS NOT NULL;
-- Leaves room for the next version of a row in its page, so that a sign-in, which notes its time, writes to no index.
ALTER TABLE accounts SET (fillfactor = 90);

-- By event, and by its kind (`challenge.*`), each with the outcome: a filter that matches nothing reads nothing.
CREATE INDEX audit_events_event_outcome ON audit_events (event, outcome, occurred_at DESC, id DESC);
CREATE INDEX audit_events_kind ON audit_events (split_part(event, '.', 1), outcome, occurred_at DESC, id DESC);
-- Failures are few, so they need an index; successes are found soon in the order of time.
CREATE INDEX audit_events_failures ON audit_events (occurred_at DESC, id DESC) WHERE outcome = 'failure';

-- Last, because from here until the migration is committed these tables cannot be read.
DROP INDEX accounts_roles;
DROP INDEX audit_events_event;
