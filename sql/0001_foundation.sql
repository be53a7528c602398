-- Up Migration

CREATE TABLE clients (
  client_id text PRIMARY KEY,
  name text NOT NULL,
  first_party boolean NOT NULL DEFAULT false,
  token_endpoint_auth_method text NOT NULL,
  secret_hash text,
  scopes text[] NOT NULL,
  audience text[] NOT NULL DEFAULT '{}',
  redirect_uris text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((token_endpoint_auth_method = 'none') = (secret_hash IS NULL))
);

-- The built-in client, for a `POST /v1/login` that names no other.
INSERT INTO clients (client_id, name, first_party, token_endpoint_auth_method, scopes)
VALUES ('postern', 'Postern', true, 'none', '{openid,profile,email,offline_access}');

-- An account is Postern's own (client_id null, with a user name) or a client's external subject.
CREATE TABLE accounts (
  id uuid PRIMARY KEY,
  client_id text REFERENCES clients,
  subject text,
  username text,
  username_key text,
  email text,
  email_key text,
  display_name text,
  roles text[] NOT NULL DEFAULT '{}',
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
  password_hash text,
  password_changed_at timestamptz,
  -- How many authenticators are enrolled: confirmed and not removed. One that is disabled after too many
  -- failures still counts, or guessing on would take the second factor away. Kept by the statements that
  -- change one, so that "the first" and "not the last" are decided by one conditional update.
  enrolled_authenticators integer NOT NULL DEFAULT 0 CHECK (enrolled_authenticators >= 0),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  last_login_at timestamptz,
  CHECK ((client_id IS NULL) = (subject IS NULL)),
  CHECK ((client_id IS NULL) = (username IS NOT NULL)),
  CHECK ((username IS NULL) = (username_key IS NULL)),
  -- Both are used to sign in: a user name that is someone else's email address would receive their sign-ins.
  CONSTRAINT accounts_username_is_email CHECK (username_key NOT LIKE '%@%' OR COALESCE(username_key = email_key, false))
);
CREATE UNIQUE INDEX accounts_username ON accounts (username_key);
CREATE UNIQUE INDEX accounts_email ON accounts (email_key) WHERE client_id IS NULL;
CREATE UNIQUE INDEX accounts_subject ON accounts (client_id, subject);
CREATE INDEX accounts_roles ON accounts USING gin (roles);

CREATE TABLE authenticators (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  type text NOT NULL CHECK (type IN ('totp')),
  name text NOT NULL,
  status text NOT NULL CHECK (status IN ('pending', 'active', 'disabled')),
  secret_sealed text NOT NULL,
  algorithm text NOT NULL,
  digits smallint NOT NULL,
  step_seconds smallint NOT NULL,
  -- RFC 6238 5.2: the last time step that was accepted; none at or before it is accepted again.
  last_time_step bigint NOT NULL DEFAULT 0,
  -- NIST SP 800-63B 3.2.2: at 100 it is disabled.
  consecutive_failures integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  expires_at timestamptz,
  confirmed_at timestamptz,
  last_used_at timestamptz,
  CHECK ((status = 'pending') = (expires_at IS NOT NULL))
);
CREATE INDEX authenticators_account ON authenticators (account_id, status);
CREATE INDEX authenticators_pending ON authenticators (expires_at) WHERE status = 'pending';

CREATE TABLE recovery_codes (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  salt bytea NOT NULL,
  code_hash bytea NOT NULL,
  generated_at timestamptz NOT NULL,
  used_at timestamptz
);
CREATE INDEX recovery_codes_account ON recovery_codes (account_id) WHERE used_at IS NULL;

CREATE TABLE settings (
  name text PRIMARY KEY,
  version bigint NOT NULL,
  value jsonb NOT NULL,
  updated_at timestamptz NOT NULL
);

CREATE TABLE signing_keys (
  kid text PRIMARY KEY,
  algorithm text NOT NULL,
  public_jwk jsonb NOT NULL,
  private_sealed text NOT NULL,
  created_at timestamptz NOT NULL,
  -- Published in the JWKS from created_at; signs from here on.
  signs_from timestamptz NOT NULL
);

-- One row an encryption key id that has been in use: a value it sealed, to detect a wrong key at start.
CREATE TABLE encryption_key_checks (
  key_id text PRIMARY KEY,
  sealed text NOT NULL
);

CREATE TABLE audit_events (
  id uuid NOT NULL,
  occurred_at timestamptz NOT NULL,
  event text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('success', 'failure')),
  account_id uuid,
  actor_type text NOT NULL,
  actor_id text,
  client_id text,
  session_id uuid,
  ip inet,
  user_agent text,
  request_id text,
  details jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (occurred_at, id)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX audit_events_account ON audit_events (account_id, occurred_at DESC, id DESC);
CREATE INDEX audit_events_event ON audit_events (event, occurred_at DESC, id DESC);

-- Takes events of months without a partition, so that no event is lost.
CREATE TABLE audit_events_default PARTITION OF audit_events DEFAULT;

-- Makes the partition of the month of $1, if it is missing. Callers serialise by the advisory lock.
CREATE FUNCTION ensure_audit_partition(month timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  first_day timestamp := date_trunc('month', month AT TIME ZONE 'UTC');
  partition_name text := 'audit_events_' || to_char(first_day, 'YYYY_MM');
BEGIN
  PERFORM pg_advisory_xact_lock(7305612490118);
  IF to_regclass(partition_name) IS NULL THEN
    EXECUTE format(
      'CREATE TABLE %I PARTITION OF audit_events FOR VALUES FROM (%L) TO (%L)',
      partition_name,
      first_day AT TIME ZONE 'UTC',
      (first_day + interval '1 month') AT TIME ZONE 'UTC'
    );
  END IF;
END $$;

-- Records an event in the statement of the change that it is about: SELECT record_audit_event($n) FROM changed.
CREATE FUNCTION record_audit_event(event jsonb) RETURNS uuid LANGUAGE sql VOLATILE AS $$
  INSERT INTO audit_events (id, occurred_at, event, outcome, account_id, actor_type, actor_id, client_id,
                            session_id, ip, user_agent, request_id, details)
  SELECT e.id, e.occurred_at, e.event, e.outcome, e.account_id, e.actor_type, e.actor_id, e.client_id,
         e.session_id, e.ip, e.user_agent, e.request_id, COALESCE(e.details, '{}')
    FROM jsonb_populate_record(NULL::audit_events, event) AS e
  RETURNING id
$$;

-- Events are written once: nothing changes or deletes a row.
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit events are immutable';
END $$;
CREATE TRIGGER audit_events_immutable BEFORE UPDATE OR DELETE ON audit_events
  FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
