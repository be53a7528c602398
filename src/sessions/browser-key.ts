// What a browser's cookie holds: `pst_bs_` + account tag + session id + a secret of 256 bits, which alone opens the
// session and is stored hashed. At each sign-in, second factor and step-up the secret is a new one, and the id stays
// (docs/security.md 21). Pure.
import { ACCOUNT_TAG_LENGTH, accountTag, hashToken, TOKEN_PREFIXES } from '../encryption/opaque-token.ts'
import type { RandomBytes } from '../encryption/sealer.ts'
import { decodeSid, encodeSid } from '../tokens/refresh-token.ts'

const SECRET_BYTES = 32

const PATTERN = new RegExp(
  `^${TOKEN_PREFIXES.browserSession}(?<tag>[\\w-]{${ACCOUNT_TAG_LENGTH}})(?<sid>[\\w-]{22})(?<secret>[\\w-]{43})$`,
)

export type BrowserKey = { accountTag: string; sid: string; secret: string }

export const newBrowserKey = (accountId: string, sid: string, randomBytes: RandomBytes): BrowserKey => ({
  accountTag: accountTag(accountId),
  sid,
  secret: randomBytes(SECRET_BYTES).toString('base64url'),
})

export const formatBrowserKey = ({ accountTag: tag, sid, secret }: BrowserKey): string =>
  TOKEN_PREFIXES.browserSession + tag + encodeSid(sid) + secret

/** Null for anything that cannot be one. */
export const parseBrowserKey = (cookie: string): BrowserKey | null => {
  const { tag, sid, secret } = PATTERN.exec(cookie)?.groups ?? {}
  return tag && sid && secret ? { accountTag: tag, sid: decodeSid(sid), secret } : null
}

/** How it is stored. */
export const browserKeyHash = ({ secret }: BrowserKey): string => hashToken(secret)
