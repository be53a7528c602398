// A client of the FAPI 2 Security Profile: authenticates by a key, pushes its requests, binds its tokens by DPoP.
import { createHash } from 'node:crypto'
import type { Answer } from './app.ts'
import { ASSERTION_TYPE, type AssertionKey, newAssertionKey } from './assertion.ts'
import { type DpopKey, newDpopKey } from './dpop.ts'
import type { Visited } from './form-browser.ts'
import { answerPages, CALLBACK, newVisitor, responseOf, type Setting, type Visitor } from './relying-party.ts'

export const VERIFIER = 'a-verifier-of-the-security-profile-of-64-characters-of-lengths-x'
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url')

type Form = Record<string, string | undefined>
type Assertion = { claims?: object; header?: object; key?: AssertionKey }

export type FapiClient = { setting: Setting; clientId: string; key: AssertionKey; dpop: DpopKey }

export const newFapiClient = async (setting: Setting): Promise<FapiClient> => {
  const key = await newAssertionKey()
  const { status, body, text } = await setting.register({
    first_party: false,
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: [key.jwk] },
    id_token_signed_response_alg: 'ES256',
    require_pushed_authorization_requests: true,
    dpop_bound_access_tokens: true,
    code_protection: 'pkce',
  })
  if (status !== 201) throw new Error(`cannot register: ${text}`)
  return { setting, clientId: body.client_id, key, dpop: await newDpopKey() }
}

const given = (form: Form): Record<string, string> =>
  Object.fromEntries(
    Object.entries(form).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )

const authenticated = async (
  { setting, clientId, key }: FapiClient,
  form: Form,
  { claims = {}, header = {}, key: other = key }: Assertion,
) => {
  const assertion = await other.assertion(setting.postern, clientId, { claims, header })
  return given({ client_assertion_type: ASSERTION_TYPE, client_assertion: assertion, ...form })
}

export const requestOf = ({ clientId }: FapiClient): Record<string, string> => ({
  client_id: clientId,
  redirect_uri: CALLBACK,
  response_type: 'code',
  scope: 'openid offline_access',
  state: 'the state',
  nonce: 'the nonce',
  code_challenge: CHALLENGE,
  code_challenge_method: 'S256',
})

/** Pushes a request; what is undefined is left out. */
export const push = async (
  client: FapiClient,
  changed: Form = {},
  { assertion = {}, headers = {} }: { assertion?: Assertion; headers?: Record<string, string> } = {},
): Promise<Answer> => {
  const form = await authenticated(client, { ...requestOf(client), ...changed }, assertion)
  return client.setting.postern.request('POST', '/oauth2/par', { form, headers })
}

export const openPushed = (
  { clientId }: FapiClient,
  { browser }: Visitor,
  requestUri: string,
  more: Record<string, string> = {},
): Promise<Visited> =>
  browser.visit(
    `/oauth2/authorize?${new URLSearchParams({ client_id: clientId, request_uri: requestUri, ...more })}`,
  )

/** A code, as it comes back from a browser. */
export const newCode = async (
  client: FapiClient,
  changed: Form = {},
  headers: Record<string, string> = {},
) => {
  const { setting } = client
  const pushed = await push(client, changed, { headers })
  if (pushed.status !== 201) throw new Error(`cannot push: ${pushed.text}`)
  const requestUri: string = pushed.body.request_uri
  const visitor = await newVisitor(setting)
  const page = await answerPages(setting, visitor, await openPushed(client, visitor, requestUri))
  return { code: responseOf(page)?.parameters.code ?? '', requestUri, visitor }
}

/** Redeems a code with a proof of `dpop`; null for none. */
export const redeemBound = async (
  client: FapiClient,
  code: string,
  {
    form = {},
    dpop = client.dpop,
    assertion = {},
  }: { form?: Form; dpop?: DpopKey | null; assertion?: Assertion } = {},
): Promise<Answer> => {
  const { postern } = client.setting
  const headers: Record<string, string> = {}
  if (dpop) headers.dpop = await dpop.proof(postern, { method: 'POST', path: '/oauth2/token' })
  const grant = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: CALLBACK,
    code_verifier: VERIFIER,
    ...form,
  }
  return postern.request('POST', '/oauth2/token', {
    form: await authenticated(client, grant, assertion),
    headers,
  })
}
