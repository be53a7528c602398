-- Up Migration

-- There is a ring of signing keys for each algorithm. A replaced key is published until its last token has expired, so
-- each key knows the longest lifetime of a token that it may have signed (600 s: what no client says otherwise).
ALTER TABLE signing_keys ADD COLUMN token_lifetime_seconds integer NOT NULL DEFAULT 600;

-- Secrets of Postern's own that are no key of a ring, sealed; each is made once.
CREATE TABLE sealed_secrets (
  name text PRIMARY KEY,
  sealed text NOT NULL
);
