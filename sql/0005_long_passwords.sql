-- Up Migration

-- The `password_changed_at` of the last password that is known to be long enough to be the only factor. It is about the
-- account's password while the two are equal; otherwise that one is too short, or nobody knows: it was imported, or
-- chosen under a release that does not write this column. That release may run on this schema, and stores a password
-- with a `password_changed_at` of its own: a yes or no here would outlive the password that it was about.
ALTER TABLE accounts ADD COLUMN long_password_changed_at timestamptz;
