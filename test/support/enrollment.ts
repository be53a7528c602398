// How an account enrolls an authenticator over HTTP; and a way to hold an account still while a test looks.
import type { Test } from 'tap'
import type { Answer, TestApp } from './app.ts'
import { eventually } from './eventually.ts'
import { decodeBase32, totpCode } from './totp-code.ts'

export type Begun = { id: string; secret: Buffer; encodedSecret: string; code: () => string }

/** Begins to enroll with an access token or an enrollment token. Its `code` is that of the test's clock. */
export const begin = async (postern: TestApp, bearer: string, name?: string): Promise<Begun> => {
  const answer = await postern.request('POST', '/v1/me/authenticators/totp', {
    bearer,
    body: name === undefined ? {} : { name },
  })
  if (answer.status !== 201) throw new Error(`cannot begin to enroll: ${answer.text}`)
  const secret = decodeBase32(answer.body.secret)
  const encodedSecret: string = answer.body.secret
  return { id: answer.body.id, secret, encodedSecret, code: () => totpCode(secret, postern.now()) }
}

export const confirm = (postern: TestApp, bearer: string, id: string, code: string): Promise<Answer> =>
  postern.request('POST', `/v1/me/authenticators/${id}/confirm`, { bearer, body: { code } })

/** A code of the right length that is none of the window's. */
export const wrongCode = ({ secret }: { secret: Buffer }, now: Date): string => {
  const window = [-30, 0, 30].map((seconds) => totpCode(secret, new Date(now.getTime() + seconds * 1000)))
  return ['000000', '111111', '222222', '333333'].find((code) => !window.includes(code)) ?? '444444'
}

const ROW = {
  name: 'test_authenticators',
  text: `
    SELECT id, name, status, secret_sealed, last_time_step, consecutive_failures
      FROM authenticators
     WHERE account_id = $1
     ORDER BY created_at, id`,
}
const ENROLLED = {
  name: 'test_enrolled',
  text: `
    SELECT enrolled_authenticators AS enrolled,
           (SELECT count(*) FROM recovery_codes WHERE account_id = $1 AND used_at IS NULL) AS recovery_codes
      FROM accounts
     WHERE id = $1`,
}

export type StoredAuthenticator = {
  id: string
  name: string
  status: string
  secret_sealed: string
  last_time_step: number
  consecutive_failures: number
}

/** What PostgreSQL holds of an account's factors. */
export const storedFactors = async (postern: TestApp, { id }: { id: string }) => {
  const { postgres } = postern.deps
  const authenticators = await postgres.query<StoredAuthenticator>(ROW, [id])
  const [counts] = await postgres.query<{ enrolled: number; recovery_codes: number }>(ENROLLED, [id])
  return { authenticators, enrolled: counts?.enrolled, recoveryCodes: counts?.recovery_codes }
}

const WAITING = {
  name: 'test_waiting',
  text: `
    SELECT count(*) AS waiting
      FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'`,
}

/** Until so many statements wait for a lock. */
export const untilWaiting = async ({ deps }: TestApp, count: number): Promise<void> => {
  const waiting = async (): Promise<number> => {
    const [row] = await deps.postgres.query<{ waiting: number }>(WAITING)
    return row?.waiting ?? 0
  }
  const wait = await eventually(1_400, async () => (await waiting()) >= count)
  if (!wait) throw new Error(`${await waiting()} of ${count} are waiting`)
}

/** Holds an account's row, so that changes of its factors wait; `untilWaiting` until so many do. */
export const holdAccount = async (t: Test, postern: TestApp, { id }: { id: string }) => {
  const client = await postern.deps.postgres.connect()
  t.teardown(() => client.end())
  await client.query('BEGIN')
  await client.query('SELECT id FROM accounts WHERE id = $1 FOR UPDATE', [id])
  return {
    untilWaiting: (count: number) => untilWaiting(postern, count),
    /** Runs in the transaction that holds it. */
    query: (text: string, values: unknown[]) => client.query(text, values),
    release: () => client.query('COMMIT'),
  }
}

/** How many answers have each status. */
export const countByStatus = (answers: readonly Answer[]): Record<number, number> => {
  const counts: Record<number, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}
