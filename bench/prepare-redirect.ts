// What the requests of the redirect flow need: browsers that are signed in, codes that wait, and grants. Made in bulk by
// Postern's own code, straight in Redis.
import { hash } from 'node:crypto'
import { findAccount } from '../src/accounts/store.ts'
import { registrationOf } from '../src/clients/client.ts'
import { newAccountToken } from '../src/encryption/opaque-token.ts'
import type { CodeRecord } from '../src/ephemeral/protocol.ts'
import type { NewSession, UsedSession } from '../src/ephemeral/sessions.ts'
import { codeBinding } from '../src/oauth/authorization/code-binding.ts'
import { formatBrowserKey } from '../src/sessions/browser-key.ts'
import { newBrowserSession } from '../src/sessions/new-browser-session.ts'
import { mintGrantTokens } from '../src/tokens/mint-tokens.ts'
import { newFamily, type RefreshToken, refreshHashes } from '../src/tokens/refresh-token.ts'
import { type Bench, type BenchAccount, forEach, REDIRECT_URI, SCOPE, signInGrounds } from './prepare.ts'

/** A PKCE verifier (RFC 7636 4.1), one for all. */
export const CODE_VERIFIER = 'a-verifier-of-the-bench-of-forty-three-or-more'
export const CODE_CHALLENGE = hash('sha256', CODE_VERIFIER, 'base64url')

export type SignedInBrowser = { account: BenchAccount; session: NewSession; cookie: string }

/** A browser session of each account, with a second factor just passed. */
export const signInBrowsers = async (bench: Bench, count: number): Promise<SignedInBrowser[]> => {
  const { deps } = bench
  const now = deps.clock()
  return forEach(bench.accounts.slice(0, count), async (account) => {
    const make = newBrowserSession(null, deps.policy.current())
    const grounds = signInGrounds(bench, account, now)
    const { session, credentials } = make(deps, deps.policy.current(), grounds, now)
    await deps.ephemeral.sessions.open(session, { sessionEpoch: 0 }, now.getTime())
    return { account, session, cookie: `postern=${formatBrowserKey(credentials)}` }
  })
}

const codeRecord = ({ client }: Bench, { session }: SignedInBrowser, now: Date): CodeRecord => {
  const { accountId, sid, authTime, secondFactorAt, acr, amr } = session
  const bound = { redirectUri: REDIRECT_URI, codeChallenge: CODE_CHALLENGE }
  return {
    accountId,
    sid,
    grant: {
      ...registrationOf(client),
      scope: SCOPE,
      authTime,
      secondFactorAt,
      acr,
      amr,
      audience: null,
      claims: null,
    },
    isRenewable: true,
    nonce: 'a-nonce-of-the-bench',
    ...bound,
    binding: codeBinding({ ...registrationOf(client), ...bound }),
    jkt: null,
    issuedAt: Math.floor(now.getTime() / 1000),
  }
}

/** A code of each browser's session. */
export const openCodes = async (bench: Bench, browsers: readonly SignedInBrowser[]): Promise<string[]> => {
  const { deps } = bench
  const now = deps.clock()
  return forEach(browsers, async (browser) => {
    const code = newAccountToken('code', browser.account.id, deps.randomBytes)
    const record = codeRecord(bench, browser, now)
    await deps.ephemeral.codes.open(code, { record, ttlSeconds: 60, nowMs: now.getTime() })
    return code
  })
}

export type Grant = { session: UsedSession; refreshToken: RefreshToken }

/** The client's grant in each browser's session, by a code. */
export const openGrants = async (bench: Bench, count: number): Promise<Grant[]> => {
  const { deps } = bench
  const browsers = await signInBrowsers(bench, count)
  const codes = await openCodes(bench, browsers)
  return forEach([...codes.entries()], async ([i, code]) => {
    const { session: opened } = browsers[i] as SignedInBrowser
    const now = deps.clock()
    const family = { accountTag: code.slice(7, 19), sid: opened.sid, ...newFamily(deps.randomBytes) }
    const { binding } = codeRecord(bench, browsers[i] as SignedInBrowser, now)
    const grant = { ...refreshHashes(family), jkt: null }
    const redeemed = await deps.ephemeral.codes.redeem(code, { binding, jkt: null }, grant, now.getTime())
    if (redeemed.kind !== 'redeemed') throw new Error(`a code of the bench is ${redeemed.kind}`)
    return { session: redeemed.session, refreshToken: family }
  })
}

/** An access token of each grant. */
export const mintAccessTokens = async (bench: Bench, grants: readonly Grant[]): Promise<string[]> => {
  const { deps, client } = bench
  return forEach(grants, async ({ session, refreshToken }) => {
    const found = await findAccount(deps, session.accountId)
    if (!found) throw new Error('an account of the bench is gone')
    const holder = { account: found, client, refreshToken, nonce: null, claims: null, isRenewable: true }
    return mintGrantTokens(deps, session, holder, deps.clock()).accessToken
  })
}
