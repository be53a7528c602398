-- Up Migration

-- Mail that is still to be sent. `sealed` is the message, with its recipient; a row is deleted when it is settled, and its
-- audit event stays.
CREATE TABLE mails (
  id uuid PRIMARY KEY,
  kind text NOT NULL,
  account_id uuid,
  sealed text NOT NULL,
  created_at timestamptz NOT NULL,
  next_attempt_at timestamptz NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  -- A sender has it until then. If it dies, another one sends the mail again.
  leased_until timestamptz,
  last_error text
);
CREATE INDEX mails_due ON mails (next_attempt_at);

-- Writes a mail in the statement of what it is about.
CREATE FUNCTION queue_mail(mail jsonb) RETURNS void LANGUAGE sql AS $$
  INSERT INTO mails (id, kind, account_id, sealed, created_at, next_attempt_at)
  SELECT w.id, w.kind, w."accountId", w.sealed, w."createdAt", w."createdAt"
    FROM jsonb_to_record(mail) AS w (id uuid, kind text, "accountId" uuid, sealed text, "createdAt" timestamptz)
$$;
