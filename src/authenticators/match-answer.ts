// Whether a code answers for an account, and how to burn it. Checks nothing twice and decides nothing: the
// caller has counted the attempt, and acts on what this finds.
import type { Account } from '../accounts/account.ts'
import { authenticatorDisabled } from '../audit/account-events.ts'
import type { AuditEvent, Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/record-event.ts'
import type { Sealer } from '../encryption/sealer.ts'
import type { Method } from '../policy/policy.ts'
import type { Sql } from '../postgres/pool.ts'
import { matchRecoveryCode } from './recovery-codes/recovery-code.ts'
import { findRecoveryCodes, useRecoveryCode } from './recovery-codes/store.ts'
import { burnTimeStep, findTotp, recordTotpFailure } from './store.ts'
import { matchTimeStep } from './totp/totp.ts'

type Deps = { postgres: Sql; sealer: Sealer }

/** `gone`: the account is no longer there. `burn` is false for a code that was burned before. */
export type AnswerMatch =
  | { kind: 'gone' }
  | { kind: 'wrong'; account: Account; recordFailure: (event: AuditEvent) => Promise<void> }
  | {
      kind: 'match'
      account: Account
      authenticatorId: string | null
      recoveryCodesRemaining: number | null
      /** `within` a transaction, where what the code is for has to stand or fall with it. */
      burn: (event: AuditEvent, within?: Sql) => Promise<boolean>
    }

/** Finds what the code answers for. Writes nothing until `burn` or `recordFailure` is called. */
export const matchAnswer = (
  deps: Deps,
  accountId: string,
  answer: { method: Method; code: string },
  origin: Origin,
): Promise<AnswerMatch> =>
  answer.method === 'totp'
    ? matchTotp(deps, accountId, answer.code, origin)
    : matchSavedCode(deps, accountId, answer.code, origin)

const matchTotp = async (
  deps: Deps,
  accountId: string,
  code: string,
  origin: Origin,
): Promise<AnswerMatch> => {
  const found = await findTotp(deps, accountId)
  if (!found) return { kind: 'gone' }
  const { account, authenticators } = found
  for (const authenticator of authenticators) {
    const timeStep = matchTimeStep(authenticator.secret, authenticator, code, origin.now)
    if (timeStep === null) continue
    return {
      kind: 'match',
      account,
      authenticatorId: authenticator.id,
      recoveryCodesRemaining: null,
      burn: (event, postgres = deps.postgres) =>
        burnTimeStep({ postgres }, { authenticatorId: authenticator.id, timeStep, now: origin.now }, event),
    }
  }
  return { kind: 'wrong', account, recordFailure: (event) => countFailure(deps, accountId, origin, event) }
}

const countFailure = async (
  deps: Deps,
  accountId: string,
  origin: Origin,
  event: AuditEvent,
): Promise<void> => {
  const disabled = await recordTotpFailure(deps, accountId, event)
  for (const authenticatorId of disabled) {
    await recordEvent(
      deps,
      authenticatorDisabled(origin, { accountId, sessionId: null, authenticatorId, type: 'totp' }),
    )
  }
}

const matchSavedCode = async (
  deps: Deps,
  accountId: string,
  code: string,
  origin: Origin,
): Promise<AnswerMatch> => {
  const found = await findRecoveryCodes(deps, accountId)
  if (!found) return { kind: 'gone' }
  const { account, codes } = found
  const matched = matchRecoveryCode(codes, code)
  if (!matched) return { kind: 'wrong', account, recordFailure: (event) => recordEvent(deps, event) }
  return {
    kind: 'match',
    account,
    authenticatorId: null,
    recoveryCodesRemaining: codes.length - 1,
    burn: (event, postgres = deps.postgres) =>
      useRecoveryCode({ postgres }, { codeId: matched.id, now: origin.now }, event),
  }
}
