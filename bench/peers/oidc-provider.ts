// oidc-provider as it would serve the same in production: JWT access tokens (ES256) for one resource, an ID token and
// rotation with every refresh, nothing else enabled that a request would pay for.
import { type ClientMetadata, type JWK, Provider, type ResourceServer } from 'oidc-provider'
import { openOneWriteRedis } from '../one-write.ts'
import { REDIRECT_URI } from '../prepare.ts'
import { CODE_CHALLENGE } from '../prepare-redirect.ts'
import { oidcAdapter } from './oidc-adapter.ts'

export const OIDC_CLIENT = { id: 'bench', secret: 'a-secret-of-the-bench-with-256-bits-of-entropy' }
export const RESOURCE = 'https://api.example.org'
export const ACCOUNT_SCOPE = 'openid profile email offline_access'
const API_SCOPE = 'api:read'

const DAY_SECONDS = 86_400
const TOKEN_SECONDS = 600

const CLIENT: ClientMetadata = {
  client_id: OIDC_CLIENT.id,
  client_secret: OIDC_CLIENT.secret,
  token_endpoint_auth_method: 'client_secret_basic',
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  redirect_uris: [REDIRECT_URI],
  id_token_signed_response_alg: 'ES256',
}

const RESOURCE_SERVER: ResourceServer = {
  scope: API_SCOPE,
  audience: RESOURCE,
  accessTokenTTL: TOKEN_SECONDS,
  accessTokenFormat: 'jwt',
  jwt: { sign: { alg: 'ES256' } },
}

/** Signs the browser's session cookie, as it would in production. */
export const COOKIE_KEY = 'a key of the bench that signs the cookies of sessions'

const TTL = {
  AccessToken: TOKEN_SECONDS,
  AuthorizationCode: 60,
  ClientCredentials: TOKEN_SECONDS,
  IdToken: TOKEN_SECONDS,
  Interaction: TOKEN_SECONDS,
  Grant: 14 * DAY_SECONDS,
  RefreshToken: 14 * DAY_SECONDS,
  Session: 14 * DAY_SECONDS,
}

/** From memory: no account costs it anything. */
const findAccount = (_context: unknown, sub: string) => ({
  accountId: sub,
  claims: () => ({
    sub,
    name: 'Ada Lovelace',
    preferred_username: sub,
    email: 'ada@example.org',
    email_verified: true,
  }),
})

/** `key`: the private JWK, ES256, that signs. */
export const openOidcProvider = (issuer: string, redisUrl: string, key: JWK) => {
  const redis = openOneWriteRedis(redisUrl)
  const provider = new Provider(issuer, {
    adapter: oidcAdapter(redis),
    jwks: { keys: [key] },
    clients: [CLIENT],
    cookies: { keys: [COOKIE_KEY] },
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
    },
    findAccount,
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => RESOURCE,
        useGrantedResource: () => true,
        getResourceServerInfo: () => RESOURCE_SERVER,
      },
    },
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    ttl: TTL,
  })
  return { provider, redis }
}

type Opened = ReturnType<typeof openOidcProvider>

/** What an account has granted to the client, and what is issued under it says, by oidc-provider's own models. */
const grantFor = async ({ provider }: Opened, accountId: string) => {
  const client = await provider.Client.find(OIDC_CLIENT.id)
  if (!client) throw new Error('oidc-provider has no client')
  const grant = new provider.Grant({ accountId, clientId: OIDC_CLIENT.id })
  grant.addOIDCScope(ACCOUNT_SCOPE)
  grant.addResourceScope(RESOURCE, API_SCOPE)
  const about = { accountId, client, grantId: await grant.save(), authTime: Math.floor(Date.now() / 1000) }
  return { ...about, gty: 'authorization_code', expiresWithSession: false }
}

const ASKED = { scope: `${ACCOUNT_SCOPE} ${API_SCOPE}`, resource: RESOURCE }

/** A refresh token for one use. */
export const issueOidcRefreshToken = async (opened: Opened, accountId: string): Promise<string> =>
  new opened.provider.RefreshToken({ ...(await grantFor(opened, accountId)), ...ASKED }).save()

/** A code for one use. */
export const issueOidcCode = async (opened: Opened, accountId: string): Promise<string> => {
  const bound = { codeChallenge: CODE_CHALLENGE, codeChallengeMethod: 'S256', redirectUri: REDIRECT_URI }
  const about = { ...(await grantFor(opened, accountId)), ...ASKED, ...bound, nonce: 'a-nonce-of-the-bench' }
  return new opened.provider.AuthorizationCode(about).save()
}

/** An opaque access token: userinfo and introspection take no other. */
export const issueOidcAccessToken = async (opened: Opened, accountId: string): Promise<string> =>
  new opened.provider.AccessToken({ ...(await grantFor(opened, accountId)), scope: ACCOUNT_SCOPE }).save()

/** A browser that is signed in, and has allowed the client everything: the id of its session. */
export const openOidcSession = async (opened: Opened, accountId: string): Promise<string> => {
  const { grantId, authTime } = await grantFor(opened, accountId)
  const session = new opened.provider.Session()
  session.loginAccount({ accountId, loginTs: authTime })
  session.sidFor(OIDC_CLIENT.id, `sid-of-${accountId}`)
  session.grantIdFor(OIDC_CLIENT.id, grantId)
  await session.save(TTL.Session)
  return session.jti
}
