// Signing keys in PostgreSQL; private keys sealed.
import { createPrivateKey } from 'node:crypto'
import type { JWK } from 'jose'
import type { AuditEvent } from '../audit/event.ts'
import type { SigningAlgorithm } from '../clients/members.ts'
import type { Sealer } from '../encryption/sealer.ts'
import type { Postgres, Sql } from '../postgres/pool.ts'
import type { SigningKey } from './select-signing-keys.ts'

type SigningKeyRow = {
  kid: string
  algorithm: SigningAlgorithm
  public_jwk: JWK
  private_sealed: string
  signs_from: Date
  token_lifetime_seconds: number
}

/** What a sealed private key is bound to. */
export const signingKeyContext = (kid: string): string => `signing_keys.private:${kid}`

const toSigningKey = (row: SigningKeyRow, sealer: Sealer): SigningKey => ({
  kid: row.kid,
  algorithm: row.algorithm,
  publicJwk: row.public_jwk,
  privateKey: createPrivateKey({
    key: sealer.open(row.private_sealed, signingKeyContext(row.kid)),
    format: 'der',
    type: 'pkcs8',
  }),
  signsFrom: row.signs_from,
  tokenLifetimeSeconds: row.token_lifetime_seconds,
})

const LIST_SIGNING_KEYS = {
  name: 'list_signing_keys',
  text: `
    SELECT kid, algorithm, public_jwk, private_sealed, signs_from, token_lifetime_seconds
      FROM signing_keys
     ORDER BY signs_from, kid`,
}

export const listSigningKeys = async (deps: { postgres: Sql; sealer: Sealer }): Promise<SigningKey[]> => {
  const rows = await deps.postgres.query<SigningKeyRow>(LIST_SIGNING_KEYS)
  return rows.map((row) => toSigningKey(row, deps.sealer))
}

const LIST_RINGS = { name: 'list_rings', text: 'SELECT DISTINCT algorithm FROM signing_keys' }

/** The algorithms that there are keys for. */
export const listRings = async (deps: { postgres: Sql }): Promise<SigningAlgorithm[]> => {
  const rows = await deps.postgres.query<{ algorithm: SigningAlgorithm }>(LIST_RINGS)
  return rows.map(({ algorithm }) => algorithm)
}

const RAISE_TOKEN_LIFETIME = {
  name: 'raise_token_lifetime',
  text: `
    UPDATE signing_keys
       SET token_lifetime_seconds = $1
     WHERE token_lifetime_seconds < $1
    RETURNING kid`,
}

/** Notes that tokens live for as long as `seconds` from now on; true where they did not before. */
export const raiseTokenLifetime = async (deps: { postgres: Sql }, seconds: number): Promise<boolean> =>
  (await deps.postgres.query(RAISE_TOKEN_LIFETIME, [seconds])).length > 0

// One key of a ring at most waits for its turn: the condition and the insert are one statement under one lock.
const LOCK_SIGNING_KEYS = { name: 'lock_signing_keys', text: 'SELECT pg_advisory_xact_lock(7305612490119)' }
const INSERT_SIGNING_KEY = {
  name: 'insert_signing_key',
  text: `
    WITH inserted AS (
      INSERT INTO signing_keys (kid, algorithm, public_jwk, private_sealed, created_at, signs_from,
                                token_lifetime_seconds)
      SELECT $1, $2, $3, $4, $5, $6,
             GREATEST(600, (SELECT max(token_lifetime_seconds) FROM signing_keys))
       WHERE $7 = 'now'
          OR NOT EXISTS (SELECT 1 FROM signing_keys WHERE algorithm = $2 AND ($7 = 'first' OR signs_from > $5))
      RETURNING kid
    )
    SELECT record_audit_event($8::jsonb) FROM inserted`,
}

/**
 * Stores a key and returns true, unless its ring has one already: for the `first`, any key; for the `next`, a key that
 * does not sign yet. A key that signs `now` is always stored.
 */
export const insertSigningKey = (
  deps: { postgres: Postgres; sealer: Sealer },
  key: Omit<SigningKey, 'tokenLifetimeSeconds'> & { createdAt: Date; turn: 'first' | 'next' | 'now' },
  event: AuditEvent,
): Promise<boolean> =>
  deps.postgres.transaction(async (sql) => {
    await sql.query(LOCK_SIGNING_KEYS)
    const sealed = deps.sealer.seal(
      key.privateKey.export({ format: 'der', type: 'pkcs8' }),
      signingKeyContext(key.kid),
    )
    const values = [
      key.kid,
      key.algorithm,
      JSON.stringify(key.publicJwk),
      sealed,
      key.createdAt,
      key.signsFrom,
    ]
    const rows = await sql.query(INSERT_SIGNING_KEY, [...values, key.turn, JSON.stringify(event)])
    return rows.length === 1
  })

// Never the key of its ring that signs at $2 (`signingKeyAt`), so that one key that may sign always remains.
const DELETE_SIGNING_KEY = {
  name: 'delete_signing_key',
  text: `
    WITH signing AS (
      SELECT kid
        FROM signing_keys
       WHERE algorithm = (SELECT algorithm FROM signing_keys WHERE kid = $1)
       ORDER BY signs_from <= $2 DESC,
                CASE WHEN signs_from <= $2 THEN signs_from END DESC,
                CASE WHEN signs_from <= $2 THEN kid END DESC,
                signs_from,
                kid
       LIMIT 1
    ), withdrawn AS (
      DELETE FROM signing_keys
       WHERE kid = $1 AND kid NOT IN (SELECT kid FROM signing)
      RETURNING kid
    )
    SELECT record_audit_event($3::jsonb) FROM withdrawn`,
}
const SIGNING_KEY_EXISTS = {
  name: 'signing_key_exists',
  text: 'SELECT kid FROM signing_keys WHERE kid = $1',
}

/** Deletes a key, unless it is the one that signs at `now`. */
export const deleteSigningKey = (
  deps: { postgres: Postgres },
  { kid, now }: { kid: string; now: Date },
  event: AuditEvent,
): Promise<'deleted' | 'signs' | 'unknown'> =>
  deps.postgres.transaction(async (sql) => {
    await sql.query(LOCK_SIGNING_KEYS)
    const deleted = await sql.query(DELETE_SIGNING_KEY, [kid, now, JSON.stringify(event)])
    if (deleted.length === 1) return 'deleted'
    return (await sql.query(SIGNING_KEY_EXISTS, [kid])).length === 1 ? 'signs' : 'unknown'
  })
