// Secrets of Postern's own in PostgreSQL, sealed; each is made once.
import type { Sealer } from '../encryption/sealer.ts'
import type { Sql } from '../postgres/pool.ts'

/** What a sealed secret is bound to. */
export const sealedSecretContext = (name: string): string => `sealed_secrets.sealed:${name}`

const INSERT_SECRET = {
  name: 'insert_sealed_secret',
  text: 'INSERT INTO sealed_secrets (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING',
}
const FIND_SECRET = {
  name: 'find_sealed_secret',
  text: 'SELECT sealed FROM sealed_secrets WHERE name = $1',
}

type StoreDeps = { postgres: Sql; sealer: Sealer }

/** The secret of that name, or null where none was made yet. */
export const findSealedSecret = async (deps: StoreDeps, name: string): Promise<Buffer | null> => {
  const [row] = await deps.postgres.query<{ sealed: string }>(FIND_SECRET, [name])
  return row ? deps.sealer.open(row.sealed, sealedSecretContext(name)) : null
}

/** Stores a secret, unless there is one by that name: of several at once, one is kept. */
export const insertSealedSecret = async (deps: StoreDeps, name: string, secret: Buffer): Promise<void> => {
  await deps.postgres.query(INSERT_SECRET, [name, deps.sealer.seal(secret, sealedSecretContext(name))])
}
