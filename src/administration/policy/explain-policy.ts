// Why an account is asked for a second factor or not, and whether it would be under another policy. Asks the same pure
// function that decides at sign-in, for a sign-in with a password just now. Changes nothing.
import type { Account } from '../../accounts/account.ts'
import { findAccount, findAccountByName } from '../../accounts/store.ts'
import { findSubjectId } from '../../accounts/subject-store.ts'
import type { Client } from '../../clients/client.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { type Decision, decide } from '../../policy/decide.ts'
import { mergePolicy, type PolicyPatch } from '../../policy/merge-policy.ts'
import type { Policy } from '../../policy/policy.ts'
import { tightenPolicy } from '../../policy/tighten-policy.ts'

/** `proposed`: how the policy would be changed; null where that is not asked. */
export type Question = { username: string; clientId: string | null; proposed: PolicyPatch | null }

/** `methods` are those that the policy admits; empty where none is asked for. */
type Explanation = { decision: Decision['kind']; methods: string[]; reasons: string[] }

export type Explained = { accountId: string; current: Explanation; proposed: Explanation | null }

const explain = (policy: Policy, account: Account, now: Date): Explanation => {
  const decision = decide(policy, account, { secondFactorAt: null }, now)
  return {
    decision: decision.kind,
    methods: 'methods' in decision ? decision.methods : [],
    reasons: decision.reasons,
  }
}

const findAsked = async (
  deps: Pick<Deps, 'postgres' | 'clients'>,
  { username, clientId }: Question,
): Promise<{ account: Account; client: Client | null }> => {
  const client = clientId === null ? null : await deps.clients.find(clientId)
  if (clientId !== null) {
    if (!client) throw new AuthError('not_found', 'There is no such client.')
    const subjectId = await findSubjectId(deps, clientId, username)
    const subject = subjectId === null ? null : await findAccount(deps, subjectId)
    if (subject) return { account: subject, client }
  }
  const found = await findAccountByName(deps, username)
  if (!found) throw new AuthError('not_found', 'There is no such account.')
  return { account: found.account, client }
}

/**
 * The decision for an account under the current policy, and, if changes are proposed, with those.
 * With `clientId`, for a sign-in through that client, and looks first for one of its external subjects.
 * @throws {AuthError} not_found; invalid_request for a proposed policy that contradicts itself
 */
export const explainPolicy = async (
  deps: Pick<Deps, 'postgres' | 'policy' | 'clients'>,
  question: Question,
  now: Date,
): Promise<Explained> => {
  const { account, client } = await findAsked(deps, question)
  const current = deps.policy.current()
  const explained = (policy: Policy) => explain(client ? tightenPolicy(policy, client) : policy, account, now)
  return {
    accountId: account.id,
    current: explained(current),
    proposed: question.proposed && explained(mergePolicy(current, question.proposed).policy),
  }
}
