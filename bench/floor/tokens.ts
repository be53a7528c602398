// The floor's tokens: two ES256 signatures of node:crypto, with the claims that Postern's tokens have.
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const KEY = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const header = (typ: string) =>
  encode({ alg: 'ES256', typ, kid: 'a-key-id-as-long-as-a-sha-256-thumbprint-is' })
const ACCESS_HEADER = header('at+jwt')
const ID_HEADER = header('JWT')

const jwt = (head: string, claims: object): string => {
  const input = `${head}.${encode(claims)}`
  return `${input}.${sign('sha256', Buffer.from(input), KEY).toString('base64url')}`
}

const SCOPE = 'openid profile email offline_access postern:me'
const TTL_SECONDS = 600

/** What a sign-in, a renewal and a code answer. */
export const floorTokens = (
  issuer: string,
  { sub, sid, refreshToken, nonce }: { sub: string; sid: string; refreshToken: string; nonce?: string },
  nowMs: number,
) => {
  const iat = Math.floor(nowMs / 1000)
  const about = { sub, sid, acr: 'aal2', amr: ['pwd', 'otp', 'mfa'], auth_time: iat }
  const common = { iss: issuer, ...about, iat, exp: iat + TTL_SECONDS }
  const access = { client_id: 'bench', jti: randomUUID(), scope: SCOPE, roles: ['user'] }
  return {
    status: 'authenticated',
    access_token: jwt(ACCESS_HEADER, { ...common, aud: [issuer], ...access }),
    token_type: 'Bearer',
    expires_in: TTL_SECONDS,
    id_token: jwt(ID_HEADER, { ...common, aud: 'bench', at_hash: 'LDktKdoQak3Pk0cnXxCltA', nonce }),
    refresh_token: refreshToken,
    scope: SCOPE,
    ...about,
  }
}

/** What a client gets for itself. */
export const floorClientToken = (issuer: string, scope: string, nowMs: number) => {
  const iat = Math.floor(nowMs / 1000)
  const about = { iss: issuer, sub: 'bench', aud: [issuer], client_id: 'bench', iat, exp: iat + TTL_SECONDS }
  return {
    access_token: jwt(ACCESS_HEADER, { ...about, jti: randomUUID(), scope }),
    token_type: 'Bearer',
    expires_in: TTL_SECONDS,
    scope,
  }
}
