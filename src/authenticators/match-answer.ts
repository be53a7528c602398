// Whether a code is one of an account's, and burning what it matched. Decides nothing else: the attempt has been counted
// before, and the caller does what follows.
import type { Account } from '../accounts/account.ts'
import type { Accounts } from '../accounts/account-cache.ts'
import type { ChangingSql } from '../accounts/change-under-version.ts'
import type { AuditEvent } from '../audit/event.ts'
import type { Sealer } from '../encryption/sealer.ts'
import { AuthError } from '../errors.ts'
import type { Method } from '../policy/policy.ts'
import type { Sql } from '../postgres/pool.ts'
import { openTotp, type TotpAuthenticator } from './authenticator.ts'
import { findPendingTotp } from './enrollment-store.ts'
import { matchRecoveryCode } from './recovery-codes/recovery-code.ts'
import { findRecoveryCodes, useRecoveryCode } from './recovery-codes/store.ts'
import { burnTimeStep } from './store.ts'
import { matchTimeStep } from './totp/totp.ts'

/** A code, and the method it was made by. */
export type Answer = { method: Method; code: string }

export type TotpMatch = { kind: 'totp'; authenticatorId: string; timeStep: number }

/** What a code matched. `remaining`: unused recovery codes once this one is burned. */
export type Match = TotpMatch | { kind: 'recovery_code'; codeId: string; remaining: number }

/** `account` is null where it is gone, `match` where the code matches nothing. */
export type Compared = { account: Account | null; match: Match | null }

/** Compares a code with what the account has under this version; writes nothing. */
export const matchAnswer = async (
  deps: { postgres: Sql; sealer: Sealer; accounts: Accounts },
  { accountId, accountVersion }: { accountId: string; accountVersion: string },
  { method, code }: Answer,
  now: Date,
): Promise<Compared> => {
  if (method === 'totp') {
    const found = await deps.accounts.find(accountId, accountVersion)
    const authenticators = found?.totp.map((totp) => openTotp(totp, accountId, deps.sealer)) ?? []
    return { account: found?.account ?? null, match: matchTotp(authenticators, code, now) }
  }
  const found = await findRecoveryCodes(deps, accountId)
  const codes = found?.codes ?? []
  const matched = matchRecoveryCode(codes, code)
  return {
    account: found?.account ?? null,
    match: matched && { kind: 'recovery_code', codeId: matched.id, remaining: codes.length - 1 },
  }
}

const matchTotp = (
  authenticators: readonly TotpAuthenticator[],
  code: string,
  now: Date,
): TotpMatch | null => {
  for (const authenticator of authenticators) {
    const timeStep = matchTimeStep(authenticator.secret, authenticator, code, now)
    if (timeStep !== null) return { kind: 'totp', authenticatorId: authenticator.id, timeStep }
  }
  return null
}

export const nothingToConfirm = () =>
  new AuthError('not_found', 'No authenticator by that id waits to be confirmed; it may have expired.')

/**
 * Compares a code with a pending authenticator, which no other code is compared with; writes nothing.
 * @throws {AuthError} not_found where it is not pending
 */
export const matchPending = async (
  deps: { postgres: Sql; sealer: Sealer },
  { accountId, authenticatorId }: { accountId: string; authenticatorId: string },
  code: string,
  now: Date,
): Promise<TotpMatch | null> => {
  const pending = await findPendingTotp(deps, accountId, authenticatorId, now)
  if (!pending) throw nothingToConfirm()
  return matchTotp([pending], code, now)
}

/**
 * Burns what a code matched and records `event`, in one statement; false if it was burned before. `signedInAt` is
 * null where the code is not for signing in.
 */
export const burnMatch = (
  deps: { postgres: ChangingSql },
  match: Match,
  at: { now: Date; signedInAt: Date | null },
  event: AuditEvent,
): Promise<boolean> =>
  match.kind === 'totp'
    ? burnTimeStep(deps, { ...match, ...at }, event)
    : useRecoveryCode(deps, { ...match, ...at }, event)
