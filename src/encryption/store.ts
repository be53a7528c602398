// Which encryption keys have been in use, in PostgreSQL: for each, a value that it sealed.
import type { Sql } from '../postgres/pool.ts'

export type KeyCheck = { key_id: string; sealed: string }

const LIST_CHECKS = {
  name: 'list_key_checks',
  text: 'SELECT key_id, sealed FROM encryption_key_checks ORDER BY key_id',
}

export const listKeyChecks = (deps: { postgres: Sql }): Promise<KeyCheck[]> =>
  deps.postgres.query<KeyCheck>(LIST_CHECKS)

const INSERT_CHECK = {
  name: 'insert_key_check',
  text: 'INSERT INTO encryption_key_checks (key_id, sealed) VALUES ($1, $2) ON CONFLICT (key_id) DO NOTHING',
}

/** Notes a key as in use, unless it is noted already. */
export const insertKeyCheck = async (
  deps: { postgres: Sql },
  keyId: string,
  sealed: string,
): Promise<void> => {
  await deps.postgres.query(INSERT_CHECK, [keyId, sealed])
}
