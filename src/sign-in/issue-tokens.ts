// The tokens of a session that a sign-in has opened for a client.
import type { Account } from '../accounts/account.ts'
import type { Client } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import type { NewSession } from '../ephemeral/sessions.ts'
import { mintTokens, type Tokens } from '../tokens/mint-tokens.ts'
import type { RefreshToken } from '../tokens/refresh-token.ts'
import type { SignInAnswered, SignInResult } from './continue-sign-in.ts'

/** A session that a sign-in or a step-up has opened, and whose it is. */
export type OpenedSession<Credentials> = {
  session: NewSession
  account: Account
  client: Client
  credentials: Credentials
}

/** Signs the tokens of an open session. */
export const issueTokens = (
  deps: Pick<Deps, 'config' | 'signingKeys' | 'pairwiseSalt'>,
  { session, account, client, credentials: refreshToken }: OpenedSession<RefreshToken>,
  now: Date,
): Tokens => mintTokens(deps, session, { account, client, refreshToken }, now)

/** What a client is answered: the tokens of a session that was opened, or the next step. */
export const withTokens = (
  deps: Pick<Deps, 'config' | 'signingKeys' | 'pairwiseSalt'>,
  result: SignInResult<RefreshToken>,
  now: Date,
): SignInAnswered =>
  result.status === 'authenticated'
    ? { status: result.status, tokens: issueTokens(deps, result.opened, now) }
    : result
