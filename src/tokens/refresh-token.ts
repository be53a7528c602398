// Refresh tokens: `pst_rt_` + account tag + session id + family part + rotating part. Pure.
// The family part stays the same for the life of a session. A token with it and an old rotating part was issued once:
// that is reuse (RFC 9700 4.14.2). A token without it is a guess, and ends nothing.

import { ACCOUNT_TAG_LENGTH, accountTag, hashToken, TOKEN_PREFIXES } from '../encryption/opaque-token.ts'
import type { RandomBytes } from '../encryption/sealer.ts'
import { grantIdOf } from '../ephemeral/stored-names.ts'

const FAMILY_BYTES = 16
const SECRET_BYTES = 32

const PATTERN = new RegExp(
  `^${TOKEN_PREFIXES.refresh}(?<tag>[\\w-]{${ACCOUNT_TAG_LENGTH}})(?<sid>[\\w-]{22})(?<family>[\\w-]{22})(?<secret>[\\w-]{43})$`,
)

export type RefreshToken = { accountTag: string; sid: string; family: string; secret: string }

export const encodeSid = (sid: string): string =>
  Buffer.from(sid.replaceAll('-', ''), 'hex').toString('base64url')
export const decodeSid = (encoded: string): string =>
  Buffer.from(encoded, 'base64url')
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

/** The first refresh token of a session. `sid` is a UUID. */
export const newRefreshToken = (accountId: string, sid: string, randomBytes: RandomBytes): RefreshToken => ({
  accountTag: accountTag(accountId),
  sid,
  ...newFamily(randomBytes),
})

/** The two parts that are secret. */
export const newFamily = (randomBytes: RandomBytes): Pick<RefreshToken, 'family' | 'secret'> => ({
  family: randomBytes(FAMILY_BYTES).toString('base64url'),
  secret: randomBytes(SECRET_BYTES).toString('base64url'),
})

/** The refresh token that replaces it. */
export const nextRefreshToken = (token: RefreshToken, randomBytes: RandomBytes): RefreshToken => ({
  ...token,
  secret: randomBytes(SECRET_BYTES).toString('base64url'),
})

export const formatRefreshToken = ({ accountTag: tag, sid, family, secret }: RefreshToken): string =>
  TOKEN_PREFIXES.refresh + tag + encodeSid(sid) + family + secret

/** Null for anything that cannot be a refresh token. */
export const parseRefreshToken = (token: string): RefreshToken | null => {
  const { tag, sid, family, secret } = PATTERN.exec(token)?.groups ?? {}
  if (!tag || !sid || !family || !secret) return null
  return { accountTag: tag, sid: decodeSid(sid), family, secret }
}

/** The id of the grant that a token belongs to, and the tag of its account, as an access token names them. */
export const grantOf = ({
  accountTag: tag,
  family,
}: RefreshToken): { accountTag: string; grantId: string } => ({
  accountTag: tag,
  grantId: grantIdOf(hashToken(family)),
})

/** How the two parts are stored. */
export const refreshHashes = ({
  family,
  secret,
}: Pick<RefreshToken, 'family' | 'secret'>): { familyHash: string; refreshHash: string } => ({
  familyHash: hashToken(family),
  refreshHash: hashToken(secret),
})
