// oidc-provider as it would serve the same in production: JWT access tokens (ES256) for one resource, an ID token and
// rotation with every refresh, nothing else enabled that a request would pay for.
import { type ClientMetadata, type JWK, Provider, type ResourceServer } from 'oidc-provider'
import { openOneWriteRedis } from '../one-write.ts'
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
  redirect_uris: ['https://app.example.org/callback'],
  id_token_signed_response_alg: 'ES256',
}

const RESOURCE_SERVER: ResourceServer = {
  scope: API_SCOPE,
  audience: RESOURCE,
  accessTokenTTL: TOKEN_SECONDS,
  accessTokenFormat: 'jwt',
  jwt: { sign: { alg: 'ES256' } },
}

const TTL = {
  AccessToken: TOKEN_SECONDS,
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
    cookies: { keys: ['a key of the bench for cookies that it never sets'] },
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

/** What an account has granted to the client, and a token under it, by oidc-provider's own models. */
const grantFor = async ({ provider }: Opened, accountId: string) => {
  const client = await provider.Client.find(OIDC_CLIENT.id)
  if (!client) throw new Error('oidc-provider has no client')
  const grant = new provider.Grant({ accountId, clientId: OIDC_CLIENT.id })
  grant.addOIDCScope(ACCOUNT_SCOPE)
  grant.addResourceScope(RESOURCE, API_SCOPE)
  const about = { accountId, client, grantId: await grant.save(), authTime: Math.floor(Date.now() / 1000) }
  return { ...about, gty: 'authorization_code', expiresWithSession: false }
}

/** A refresh token for one use. */
export const issueOidcRefreshToken = async (opened: Opened, accountId: string): Promise<string> => {
  const about = await grantFor(opened, accountId)
  const asked = { scope: `${ACCOUNT_SCOPE} ${API_SCOPE}`, resource: RESOURCE }
  return new opened.provider.RefreshToken({ ...about, ...asked }).save()
}

/** An opaque access token for userinfo, which takes no other. */
export const issueOidcUserinfoToken = async (opened: Opened, accountId: string): Promise<string> =>
  new opened.provider.AccessToken({ ...(await grantFor(opened, accountId)), scope: ACCOUNT_SCOPE }).save()
