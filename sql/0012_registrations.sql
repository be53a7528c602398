-- Up Migration

-- Accounts that people have asked for, and whose address is not confirmed yet. `sealed` is what the account will be, its
-- password hashed, with the token and the code that confirm the address.
CREATE TABLE registrations (
  id uuid PRIMARY KEY,
  token_hash text NOT NULL UNIQUE,
  sealed text NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  code_attempts integer NOT NULL DEFAULT 0,
  mails_sent integer NOT NULL DEFAULT 1
);
CREATE INDEX registrations_expired ON registrations (expires_at);
