// Which plans are run, with which variants, clients and configuration.
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import type { Provider, WantedClient } from './provider.ts'

type Kind = 'openid' | 'back-channel' | 'fapi'
export type Plan = { name: string; title: string; kind: Kind; variant: Record<string, string> }

const OPENID = { server_metadata: 'discovery', client_registration: 'static_client' }
const LOGOUT = { response_type: 'code', client_registration: 'static_client' }
const FAPI = {
  fapi_profile: 'plain_fapi',
  client_auth_type: 'private_key_jwt',
  sender_constrain: 'dpop',
  openid: 'openid_connect',
  authorization_request_type: 'simple',
}

export const PLANS: Plan[] = [
  { name: 'oidcc-config-certification-test-plan', title: 'Config OP', kind: 'openid', variant: {} },
  { name: 'oidcc-basic-certification-test-plan', title: 'Basic OP', kind: 'openid', variant: OPENID },
  {
    name: 'oidcc-formpost-basic-certification-test-plan',
    title: 'Form Post OP',
    kind: 'openid',
    variant: OPENID,
  },
  {
    name: 'oidcc-rp-initiated-logout-certification-test-plan',
    title: 'RP-Initiated Logout OP',
    kind: 'openid',
    variant: LOGOUT,
  },
  {
    name: 'oidcc-backchannel-rp-initiated-logout-certification-test-plan',
    title: 'Back-Channel Logout OP',
    kind: 'back-channel',
    variant: LOGOUT,
  },
  {
    name: 'fapi2-security-profile-final-test-plan',
    title: 'FAPI 2 Security Profile (private_key_jwt, DPoP)',
    kind: 'fapi',
    variant: FAPI,
  },
]

const ALIAS = 'postern'
/** Of the clients' assertions: an RSA key, so that a module can try to sign with RS256, which has to be refused. */
const ASSERTION_ALG = 'PS256'
const PROOF_ALG = 'ES256'
const GRANTS = ['authorization_code', 'refresh_token']

/** The clients of a run, and the private keys with which the suite signs for some of them. */
export type Clients = { wanted: WantedClient[]; privateKeys: Map<string, JWK> }

const openidClients = (base: string): WantedClient[] => {
  const about = {
    redirect_uris: [`${base}/callback`],
    post_logout_redirect_uris: [`${base}/post_logout_redirect`],
    grant_types: GRANTS,
    id_token_signed_response_alg: 'RS256',
  }
  const basic = { ...about, token_endpoint_auth_method: 'client_secret_basic' } as const
  return [
    { ...basic, client_id: 'openid-1' },
    { ...basic, client_id: 'openid-2' },
    { ...about, client_id: 'openid-post', token_endpoint_auth_method: 'client_secret_post' },
    {
      ...basic,
      client_id: 'back-channel',
      backchannel_logout_uri: `${base}/backchannel_logout`,
      backchannel_logout_session_required: true,
    },
  ]
}

const fapiClient = (clientId: string, base: string, publicKey: JWK): WantedClient => ({
  client_id: clientId,
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_signing_alg: ASSERTION_ALG,
  // Some modules add to the redirect URI of the second client, which has to be registered as it is then.
  redirect_uris: [`${base}/callback`, `${base}/callback?dummy1=lorem&dummy2=ipsum`],
  grant_types: GRANTS,
  id_token_signed_response_alg: 'ES256',
  jwks: { keys: [publicKey] },
  require_pushed_authorization_requests: true,
  dpop_bound_access_tokens: true,
})

const newKey = async (kid: string): Promise<{ privateKey: JWK; publicKey: JWK }> => {
  const pair = await generateKeyPair(ASSERTION_ALG, { extractable: true })
  const about = { kid, alg: ASSERTION_ALG, use: 'sig' }
  return {
    privateKey: { ...(await exportJWK(pair.privateKey)), ...about },
    publicKey: { ...(await exportJWK(pair.publicKey)), ...about },
  }
}

export const wantClients = async (suiteUrl: string): Promise<Clients> => {
  const base = `${suiteUrl}/test/a/${ALIAS}`
  const [first, second] = [await newKey('first'), await newKey('second')]
  return {
    wanted: [
      ...openidClients(base),
      fapiClient('fapi-1', base, first.publicKey),
      fapiClient('fapi-2', base, second.publicKey),
    ],
    privateKeys: new Map([
      ['fapi-1', first.privateKey],
      ['fapi-2', second.privateKey],
    ]),
  }
}

const CLIENT_IDS = {
  openid: { client: 'openid-1', client2: 'openid-2', client_secret_post: 'openid-post' },
  'back-channel': { client: 'back-channel' },
  fapi: { client: 'fapi-1', client2: 'fapi-2' },
}

const describeClient = (provider: Provider, { privateKeys }: Clients, clientId: string) => {
  const key = privateKeys.get(clientId)
  if (key === undefined) return { client_id: clientId, client_secret: provider.secrets.get(clientId) }
  const scope = 'openid profile email offline_access'
  return { client_id: clientId, scope, jwks: { keys: [key] }, dpop_signing_alg: PROOF_ALG }
}

/** The configuration that a person would type into the suite's page. */
export const configurePlan = (
  plan: Plan,
  provider: Provider,
  clients: Clients,
  userinfoUrl: string,
): object => {
  const described = Object.entries(CLIENT_IDS[plan.kind]).map(
    ([name, clientId]) => [name, describeClient(provider, clients, clientId)] as const,
  )
  return {
    alias: ALIAS,
    description: `${plan.title}: ${provider.name}`,
    server: { discoveryUrl: provider.discoveryUrl },
    ...Object.fromEntries(described),
    ...(plan.kind === 'fapi' && { resource: { resourceUrl: userinfoUrl } }),
  }
}
