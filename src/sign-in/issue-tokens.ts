// The tokens of a session that a sign-in has opened for a client.
import type { Account } from '../accounts/account.ts'
import type { Client } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import type { SessionRecord } from '../ephemeral/sessions.ts'
import { mintTokens, type Tokens } from '../tokens/mint-tokens.ts'
import type { RefreshToken } from '../tokens/refresh-token.ts'
import type { SignInAnswered, SignInResult } from './continue-sign-in.ts'

/** A session that a sign-in or a step-up has opened, and whose it is. */
export type OpenedSession = {
  session: SessionRecord
  account: Account
  client: Client
  refreshToken: RefreshToken
}

/** Signs the tokens of an open session. */
export const issueTokens = (
  deps: Pick<Deps, 'config' | 'signingKeys' | 'pairwiseSalt'>,
  { session, ...holder }: OpenedSession,
  now: Date,
): Tokens => mintTokens(deps, session, holder, now)

/** What a client is answered: the tokens of a session that was opened, or the next step. */
export const withTokens = (
  deps: Pick<Deps, 'config' | 'signingKeys' | 'pairwiseSalt'>,
  result: SignInResult,
  now: Date,
): SignInAnswered =>
  result.status === 'authenticated'
    ? { status: result.status, tokens: issueTokens(deps, result.opened, now) }
    : result
