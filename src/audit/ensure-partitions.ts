import type { Sql } from '../postgres/pool.ts'

const ENSURE_PARTITION = { name: 'ensure_audit_partition', text: 'SELECT ensure_audit_partition($1)' }
const MONTHS_AHEAD = 2

/** Makes the audit partitions of this month and the next two, where they are missing. */
export const ensureAuditPartitions = async (deps: { postgres: Sql }, now: Date): Promise<void> => {
  for (let ahead = 0; ahead <= MONTHS_AHEAD; ahead += 1) {
    const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1))
    await deps.postgres.query(ENSURE_PARTITION, [month])
  }
}
