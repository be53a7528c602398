// Consents in PostgreSQL, one for an account and a client.
import type { AuditEvent } from '../audit/event.ts'
import type { Sql } from '../postgres/pool.ts'
import type { Registration } from './client.ts'
import type { Consent, ConsentGiven } from './consent.ts'

/** A consent with what its account is shown of the client. */
export type ListedConsent = Consent & { clientId: string; clientName: string }

type ConsentRow = { scopes: string[]; claims: string[]; granted_at: Date }
type ListedRow = ConsentRow & { client_id: string; name: string }

const toConsent = ({ scopes, claims, granted_at: grantedAt }: ConsentRow): Consent => ({
  scopes,
  claims,
  grantedAt,
})

const FIND_CONSENT = {
  name: 'find_consent',
  text: `
    SELECT o.scopes, o.claims, o.granted_at
      FROM consents AS o
      JOIN clients AS c USING (client_id)
     WHERE o.account_id = $1 AND o.client_id = $2 AND date_trunc('milliseconds', c.created_at) = $3`,
}

/** What the account has allowed this registration of the client; null where that is nothing. */
export const findConsent = async (
  deps: { postgres: Sql },
  accountId: string,
  client: Registration,
): Promise<Consent | null> => {
  const values = [accountId, client.clientId, new Date(client.clientRegisteredAt)]
  const [row] = await deps.postgres.query<ConsentRow>(FIND_CONSENT, values)
  return row ? toConsent(row) : null
}

const LIST_CONSENTS = {
  name: 'list_consents',
  text: `
    SELECT o.client_id, c.name, o.scopes, o.claims, o.granted_at
      FROM consents AS o
      JOIN clients AS c USING (client_id)
     WHERE o.account_id = $1 AND o.client_id > $2
     ORDER BY o.client_id
     LIMIT $3`,
}

/** An account's consents in order of the clients' ids, from after `afterClientId`. */
export const listConsents = async (
  deps: { postgres: Sql },
  accountId: string,
  page: { afterClientId: string; limit: number },
): Promise<ListedConsent[]> => {
  const values = [accountId, page.afterClientId, page.limit]
  const rows = await deps.postgres.query<ListedRow>(LIST_CONSENTS, values)
  return rows.map((row) => ({ ...toConsent(row), clientId: row.client_id, clientName: row.name }))
}

// Both are locked against being deleted, the account first, as in every statement.
const ADD_CONSENT = {
  name: 'add_consent',
  text: `
    WITH account AS MATERIALIZED (
      SELECT id FROM accounts WHERE id = $1 FOR KEY SHARE
    ), client AS MATERIALIZED (
      SELECT c.client_id
        FROM account, clients AS c
       WHERE c.client_id = $2 AND date_trunc('milliseconds', c.created_at) = $3
         FOR KEY SHARE OF c
    ), added AS (
      INSERT INTO consents AS o (account_id, client_id, scopes, claims, granted_at)
      SELECT account.id, client.client_id, $4::text[], $5::text[], $6
        FROM account, client
          ON CONFLICT (account_id, client_id) DO UPDATE
         SET scopes = ARRAY(SELECT DISTINCT unnest(o.scopes || excluded.scopes) ORDER BY 1),
             claims = ARRAY(SELECT DISTINCT unnest(o.claims || excluded.claims) ORDER BY 1),
             granted_at = excluded.granted_at
      RETURNING client_id
    )
    SELECT record_audit_event($7::jsonb) FROM added`,
}

/** Adds to what the account has allowed. False where the account, or this registration of the client, is gone. */
export const addConsent = async (
  deps: { postgres: Sql },
  { accountId, client, given, now }: ConsentAdded,
  event: AuditEvent,
): Promise<boolean> => {
  const rows = await deps.postgres.query(ADD_CONSENT, [
    accountId,
    client.clientId,
    new Date(client.clientRegisteredAt),
    given.scopes,
    given.claims,
    now,
    JSON.stringify(event),
  ])
  return rows.length === 1
}

export type ConsentAdded = { accountId: string; client: Registration; given: ConsentGiven; now: Date }

const REMOVE_CONSENT = {
  name: 'remove_consent',
  text: `
    WITH removed AS (
      DELETE FROM consents
       WHERE account_id = $1 AND client_id = $2
      RETURNING client_id
    )
    SELECT record_audit_event($3::jsonb) FROM removed`,
}

/** False where there is none. */
export const removeConsent = async (
  deps: { postgres: Sql },
  { accountId, clientId }: { accountId: string; clientId: string },
  event: AuditEvent,
): Promise<boolean> =>
  (await deps.postgres.query(REMOVE_CONSENT, [accountId, clientId, JSON.stringify(event)])).length === 1
