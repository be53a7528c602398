// What is measured: four paths and two variants of them, and the redirect flow (`redirect-scenarios.ts`). Each makes its requests beforehand; Postern and the floor serve the
// same.
import { findAccount } from '../src/accounts/store.ts'
import { mintTokens } from '../src/tokens/mint-tokens.ts'
import { formatRefreshToken } from '../src/tokens/refresh-token.ts'
import { httpRequest, postJson } from './connection.ts'
import { type Bench, forEach, openChallenges, openSessions, renewOnce, USER_AGENT } from './prepare.ts'
import { REDIRECT_SCENARIOS } from './redirect-scenarios.ts'

export type Scenario = {
  name: string
  title: string
  /** Requests a round, in full and in quick runs; at most as many as there are accounts, but where they repeat. */
  requests: { full: number; quick: number }
  /** Of every answer; 200 where it is not said. */
  status?: number
  /** Texts that every answer has. */
  expected: readonly string[]
  prepare: (bench: Bench, count: number) => Promise<Buffer[]>
}

const TOKENS = ['"access_token":"ey', '"id_token":"ey', '"refresh_token":"pst_rt_'] as const

/** Of so many accounts every scenario takes as many as it has requests. */
export const ACCOUNTS = { full: 6_000, quick: 400 }

/** Sessions that are asked about again and again, as a browser's is. */
const ASKED_SESSIONS = 500

const verifications = async (bench: Bench, count: number): Promise<Buffer[]> => {
  const challenges = await openChallenges(bench, count)
  return challenges.map(({ challengeToken, code }) =>
    postJson(
      '/v1/challenges/verify',
      { challenge_token: challengeToken, method: 'totp', code },
      { authorization: bench.basic },
    ),
  )
}

const checkSessions = async (bench: Bench, count: number): Promise<Buffer[]> => {
  const { deps, client } = bench
  const sessions = await openSessions(bench, Math.min(count, bench.accounts.length))
  return forEach(sessions, async ({ session, refreshToken }) => {
    const account = await findAccount(deps, session.accountId)
    if (!account) throw new Error('an account of the bench is gone')
    const tokens = mintTokens(deps, session, { account, client, refreshToken }, deps.clock())
    return httpRequest('GET /v1/me', { authorization: `Bearer ${tokens.accessToken}` })
  })
}

const sessionChecks = async (bench: Bench, count: number): Promise<Buffer[]> => {
  const checks = await checkSessions(bench, ASKED_SESSIONS)
  return Array.from({ length: count }, (_, i) => checks[i % checks.length] as Buffer)
}

/** One session of each account, the same in every round, so that their tokens are remembered. */
const sessionsOfAll = new WeakMap<Bench, Promise<Buffer[]>>()

/** Every account has changed since it was read. */
const checksAfterChanges = async (bench: Bench, count: number): Promise<Buffer[]> => {
  const checks = sessionsOfAll.get(bench) ?? checkSessions(bench, count)
  sessionsOfAll.set(bench, checks)
  const { versions } = bench.deps.ephemeral
  await forEach(bench.accounts.slice(0, count), ({ id }) => versions.raise(id, null))
  return checks
}

/** Of six renewals an hour, one is recorded. */
const RENEWALS_AN_HOUR = 6

/** The variant whose accounts have changed. */
export const CHANGED_ACCOUNTS = 'P2c'
const SOME_RECORDED = 'P3r'

/** Whether the i-th request of the scenario is a renewal that is recorded. */
export const isRecorded = (scenario: string, i: number): boolean =>
  scenario === SOME_RECORDED && i % RENEWALS_AN_HOUR === 0

const renewals =
  (scenario: string) =>
  async (bench: Bench, count: number): Promise<Buffer[]> => {
    const sessions = [...(await openSessions(bench, count)).entries()]
    const headers = { authorization: bench.basic, 'content-type': 'application/x-www-form-urlencoded' }
    const renewed = await forEach(sessions, async ([i, session]) =>
      isRecorded(scenario, i) ? session.refreshToken : renewOnce(bench, session),
    )
    return renewed.map((refreshToken) =>
      httpRequest(
        'POST /oauth2/token',
        headers,
        `grant_type=refresh_token&refresh_token=${formatRefreshToken(refreshToken)}`,
      ),
    )
  }

/** Challenges opened by the client's backend, each for an account of its own. */
export const openings = async ({ basic, accounts }: Bench, count: number): Promise<Buffer[]> =>
  accounts.slice(0, count).map(({ subject }) =>
    postJson(
      '/v1/challenges',
      {
        subject,
        amr: ['pwd'],
        ip: '203.0.113.9',
        user_agent: USER_AGENT,
      },
      { authorization: basic },
    ),
  )

export const CHALLENGE_VERIFICATION: Scenario = {
  name: 'P1',
  title: 'challenge verification',
  requests: { full: 6_000, quick: 400 },
  expected: TOKENS,
  prepare: verifications,
}

const SESSION_CHECK: Scenario = {
  name: 'P2',
  title: 'session check',
  requests: { full: 12_000, quick: 1_000 },
  expected: ['"second_factor":{"enabled":true'],
  prepare: sessionChecks,
}

const REFRESH_ROTATION: Scenario = {
  name: 'P3',
  title: 'refresh rotation',
  requests: { full: 6_000, quick: 400 },
  expected: TOKENS,
  prepare: renewals('P3'),
}

const CHALLENGE_OPENING: Scenario = {
  name: 'P4',
  title: 'challenge opening',
  requests: { full: 6_000, quick: 400 },
  expected: ['"challenge_token":"pst_ch_'],
  prepare: openings,
}

export const PATHS = [CHALLENGE_VERIFICATION, SESSION_CHECK, REFRESH_ROTATION, CHALLENGE_OPENING]

/** `--before` calls openBench and these of another version: their names and `prepare` stay. */
export const SCENARIOS: Scenario[] = [
  CHALLENGE_VERIFICATION,
  SESSION_CHECK,
  {
    ...SESSION_CHECK,
    name: CHANGED_ACCOUNTS,
    title: 'session check, account read anew',
    requests: { full: 4_000, quick: 400 },
    prepare: checksAfterChanges,
  },
  REFRESH_ROTATION,
  {
    ...REFRESH_ROTATION,
    name: SOME_RECORDED,
    title: 'refresh rotation, one of six recorded',
    requests: { full: 4_000, quick: 400 },
    prepare: renewals(SOME_RECORDED),
  },
  CHALLENGE_OPENING,
  ...REDIRECT_SCENARIOS,
]
