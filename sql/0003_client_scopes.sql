-- Up Migration

-- Postern's own routes now require a scope that names what they do. First-party clients, such as the built-in one, could
-- use these routes before, so they get the scopes.
UPDATE clients
   SET scopes = scopes || '{postern:me,postern:admin}'::text[]
 WHERE first_party;
