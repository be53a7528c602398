// oidc-provider as it would serve the same in production: JWT access tokens (ES256) for one resource, an ID token and rotation with
// every refresh, nothing else enabled that a request would pay for.
import { Provider } from 'oidc-provider'
import { oidcAdapter, openOidcRedis } from './oidc-adapter.ts'

export const OIDC_CLIENT = { id: 'bench', secret: 'a-secret-of-the-bench-with-256-bits-of-entropy' }
export const RESOURCE = 'https://api.example.org'
export const ACCOUNT_SCOPE = 'openid profile email offline_access'
const API_SCOPE = 'api:read'
const DAY = 86_400

/** `key`: the private JWK, ES256, that signs. */
export const openOidcProvider = (
  issuer: string,
  redisUrl: string,
  key: { kty: 'EC'; [member: string]: unknown },
) => {
  const redis = openOidcRedis(redisUrl)
  const provider = new Provider(issuer, {
    adapter: oidcAdapter(redis),
    jwks: { keys: [key] },
    clients: [
      {
        client_id: OIDC_CLIENT.id,
        client_secret: OIDC_CLIENT.secret,
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        redirect_uris: ['https://app.example.org/callback'],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    cookies: { keys: ['a key of the bench for cookies that it never sets'] },
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
    // From memory: no account costs it anything.
    findAccount: (_ctx, sub) => ({
      accountId: sub,
      claims: () => ({
        sub,
        name: 'Ada Lovelace',
        preferred_username: sub,
        email: 'ada@example.org',
        email_verified: true,
      }),
    }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      rpInitiatedLogout: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => RESOURCE,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: API_SCOPE,
          audience: RESOURCE,
          accessTokenTTL: 600,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    ttl: {
      AccessToken: 600,
      ClientCredentials: 600,
      Grant: 14 * DAY,
      IdToken: 600,
      Interaction: 600,
      RefreshToken: 14 * DAY,
      Session: 14 * DAY,
    },
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
