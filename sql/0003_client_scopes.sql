-- Up Migration

-- Postern's own routes ask for a scope that names what they do. First-party clients, the built-in one among them,
-- have had the use of them all along.
UPDATE clients
   SET scopes = scopes || '{postern:me,postern:admin}'::text[]
 WHERE first_party;
