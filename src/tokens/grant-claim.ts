// The claim `grant_id` of an account's access token: the account's tag and the id of the grant, which with `sid` say where
// the session is and through which grant the token uses it. Neither is a secret. Pure.
import { ACCOUNT_TAG_LENGTH } from '../encryption/opaque-token.ts'
import { GRANT_ID_LENGTH } from '../ephemeral/stored-names.ts'

const PATTERN = new RegExp(`^([\\w-]{${ACCOUNT_TAG_LENGTH}})[.]([\\w-]{${GRANT_ID_LENGTH}})$`)

export const formatGrantClaim = (at: { accountTag: string; grantId: string }): string =>
  `${at.accountTag}.${at.grantId}`

/** Null for anything that cannot be one. */
export const parseGrantClaim = (claim: unknown): { accountTag: string; grantId: string } | null => {
  const [, accountTag, grantId] = typeof claim === 'string' ? (PATTERN.exec(claim) ?? []) : []
  return accountTag && grantId ? { accountTag, grantId } : null
}
