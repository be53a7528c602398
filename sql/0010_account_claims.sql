-- Up Migration

-- The standard claims of an account (OpenID Connect Core 5.1), by their names there; what an account has a column for is
-- not among them.
ALTER TABLE accounts ADD COLUMN claims jsonb NOT NULL DEFAULT '{}';
