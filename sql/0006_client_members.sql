-- Up Migration

-- What a client can be registered with for OpenID Connect. Columns: what a statement asks for or a constraint holds.
-- `members` has all others, by the names of `ClientMembers` (src/clients/members.ts), where
-- they were named: they are only read together with the client, and a new one needs no migration.
ALTER TABLE clients
  ADD COLUMN version bigint NOT NULL DEFAULT 1,
  ADD COLUMN grant_types text[] NOT NULL DEFAULT '{refresh_token}',
  ADD COLUMN web_origins text[] NOT NULL DEFAULT '{}',
  ADD COLUMN members jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(members) = 'object'),
  -- Declared by POSTERN_CLIENTS_FILE: the hash of what the file says.
  ADD COLUMN declared text,
  ADD COLUMN disabled boolean NOT NULL DEFAULT false;

-- Grants were not asked about before: whoever could use one goes on.
UPDATE clients
   SET grant_types = CASE WHEN redirect_uris = '{}' THEN '{}'::text[] ELSE '{authorization_code}' END
                  || '{refresh_token}'::text[]
                  || CASE WHEN token_endpoint_auth_method = 'none' THEN '{}'::text[] ELSE '{client_credentials}' END;

-- private_key_jwt proves a key of the client's own: it has no secret either.
ALTER TABLE clients DROP CONSTRAINT clients_check;
ALTER TABLE clients ADD CONSTRAINT clients_secret
  CHECK ((token_endpoint_auth_method IN ('none', 'private_key_jwt')) = (secret_hash IS NULL));
