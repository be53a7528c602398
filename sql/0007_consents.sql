-- Up Migration

-- What an account has allowed a client that is not first-party: scopes, and single claims by name. A consent ends with its
-- account and with its client; a client that is registered anew under the same id has none.
CREATE TABLE consents (
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  client_id text NOT NULL REFERENCES clients ON DELETE CASCADE,
  scopes text[] NOT NULL,
  claims text[] NOT NULL,
  granted_at timestamptz NOT NULL,
  PRIMARY KEY (account_id, client_id)
);
CREATE INDEX consents_client ON consents (client_id);
