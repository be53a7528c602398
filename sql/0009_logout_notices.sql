-- Up Migration

-- What clients still have to be told, and were told, of sessions that have ended (OpenID Connect Back-Channel Logout 1.0).
-- `id` is the `jti` of the logout token, each time that it is sent. Accounts are not referenced: the notices of one that
-- was deleted are sent all the same.
CREATE TABLE logout_notices (
  id uuid PRIMARY KEY,
  -- Notices of a client are sent in this order, each after the one before is settled.
  position bigint GENERATED ALWAYS AS IDENTITY,
  client_id text NOT NULL REFERENCES clients ON DELETE CASCADE,
  account_id uuid NOT NULL,
  sid uuid NOT NULL,
  created_at timestamptz NOT NULL,
  next_attempt_at timestamptz NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  -- A sender has it until then. If it dies, another one sends the notice again.
  leased_until timestamptz,
  last_error text,
  delivered_at timestamptz,
  failed_at timestamptz,
  CHECK (delivered_at IS NULL OR failed_at IS NULL)
);
-- Ending a session may be repeated after an outage: its clients are then told once.
CREATE UNIQUE INDEX logout_notices_pending_once ON logout_notices (client_id, sid)
 WHERE delivered_at IS NULL AND failed_at IS NULL;
CREATE INDEX logout_notices_pending ON logout_notices (client_id, position)
 WHERE delivered_at IS NULL AND failed_at IS NULL;
CREATE INDEX logout_notices_client ON logout_notices (client_id, id DESC);
CREATE INDEX logout_notices_settled ON logout_notices (COALESCE(delivered_at, failed_at))
 WHERE delivered_at IS NOT NULL OR failed_at IS NOT NULL;
CREATE INDEX logout_notices_failed ON logout_notices (id DESC) WHERE failed_at IS NOT NULL;
