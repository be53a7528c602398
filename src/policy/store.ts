// The policy in PostgreSQL: one row of `settings`, with the version that `If-Match` names.
import { policyChanged } from '../audit/administration-events.ts'
import type { Origin } from '../audit/event.ts'
import type { Sql } from '../postgres/pool.ts'
import { DEFAULT_POLICY, type Policy } from './policy.ts'

export type VersionedPolicy = { policy: Policy; version: number }

const FIND_POLICY = {
  name: 'find_policy',
  text: `SELECT version, value FROM settings WHERE name = 'policy'`,
}

/** The current policy; until it is first changed, the defaults as version 0. */
export const findPolicy = async (deps: { postgres: Sql }): Promise<VersionedPolicy> => {
  const [row] = await deps.postgres.query<{ version: number; value: Partial<Policy> }>(FIND_POLICY)
  if (!row) return { policy: DEFAULT_POLICY, version: 0 }
  // A member that was added after the row was written has its default.
  return { policy: { ...DEFAULT_POLICY, ...row.value }, version: row.version }
}

// Compare-and-set on the version: of two administrators who change it at once, one is refused and has to read it again.
const SAVE_POLICY = {
  name: 'save_policy',
  text: `
    WITH saved AS (
      INSERT INTO settings (name, version, value, updated_at)
      SELECT 'policy', 1, $2::jsonb, $3
       WHERE $1 = 0 OR EXISTS (SELECT 1 FROM settings WHERE name = 'policy')
          ON CONFLICT (name) DO UPDATE
         SET version = settings.version + 1, value = excluded.value, updated_at = excluded.updated_at
       WHERE settings.version = $1
      RETURNING version
    )
    SELECT record_audit_event($4::jsonb) FROM saved`,
}

/** Replaces `expectedVersion` by `next`, with its audit event; false if the version has changed meanwhile. */
export const savePolicy = async (
  deps: { postgres: Sql },
  expectedVersion: number,
  next: { policy: Policy; changed: Partial<Policy> },
  origin: Origin,
): Promise<boolean> => {
  const event = policyChanged(origin, { version: expectedVersion + 1, changed: next.changed })
  const values = [expectedVersion, JSON.stringify(next.policy), origin.now, JSON.stringify(event)]
  return (await deps.postgres.query(SAVE_POLICY, values)).length === 1
}
