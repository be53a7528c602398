// oidc-provider with its own development pages, for the conformance suite: a module that is red here as well is no
// defect of Postern's. State in its own memory; clients and keys by the environment.
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { type ClientMetadata, type JWK, Provider } from 'oidc-provider'

const { PORT, ISSUER = '', CLIENTS = '[]' } = process.env

const signingKey = (alg: 'RS256' | 'ES256', { privateKey }: { privateKey: KeyObject }): JWK => ({
  ...(privateKey.export({ format: 'jwk' }) as JWK),
  alg,
  use: 'sig',
  kid: alg,
})

const CLAIMS = {
  address: { formatted: '12 St James’s Square, London' },
  birthdate: '1990-12-10',
  email: 'ada@example.org',
  email_verified: true,
  family_name: 'Lovelace',
  gender: 'female',
  given_name: 'Ada',
  locale: 'en-GB',
  middle_name: 'King',
  name: 'Ada Lovelace',
  nickname: 'Ada',
  phone_number: '+442071234567',
  phone_number_verified: true,
  picture: 'https://ada.example/picture',
  preferred_username: 'ada',
  profile: 'https://ada.example/',
  updated_at: 1_700_000_000,
  website: 'https://ada.example/',
  zoneinfo: 'Europe/London',
}

const clients: ClientMetadata[] = JSON.parse(CLIENTS)
const ofFapi = new Set(
  clients.filter((client) => client.dpop_bound_access_tokens).map((client) => client.client_id),
)

const provider = new Provider(ISSUER, {
  clients,
  jwks: {
    keys: [
      signingKey('RS256', generateKeyPairSync('rsa', { modulusLength: 2048 })),
      signingKey('ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' })),
    ],
  },
  // For requests that are posted from another site.
  enableHttpPostMethods: true,
  cookies: { keys: [randomBytes(32).toString('hex')], long: { sameSite: 'none' } },
  acrValues: ['aal1'],
  claims: {
    address: ['address'],
    email: ['email', 'email_verified'],
    phone: ['phone_number', 'phone_number_verified'],
    profile: Object.keys(CLAIMS).filter((name) => !/^(address|email|phone)/.test(name)),
  },
  findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub, ...CLAIMS }) }),
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
  pkce: { required: (_context, client) => ofFapi.has(client.clientId) },
  features: {
    claimsParameter: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    backchannelLogout: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    dPoP: { enabled: true, nonceSecret: randomBytes(32) },
    fapi: {
      enabled: true,
      profile: (_context, client) => (ofFapi.has(client?.clientId ?? '') ? '2.0' : undefined),
    },
  },
  issueRefreshToken: async (_context, client) => client.grantTypeAllowed('refresh_token'),
  // What it calls has a certificate of the run, on loopback.
  fetch: (url, { dispatcher: _, ...options } = {}) => globalThis.fetch(url, options),
})
provider.proxy = true
provider.on('server_error', (_context, error) => console.error(error))
provider.listen(Number(PORT), '127.0.0.1')
process.once('SIGTERM', () => process.exit(0))
