// What the conformance suite does, as a relying party: sends a browser to the authorization endpoint, lets its user answer
// the pages, redeems the code, looks at what comes.
import { createLocalJWKSet, type JWTPayload, jwtVerify, type ProtectedHeaderParameters } from 'jose'
import type { Test } from 'tap'
import { signInAdministrator } from './administrator.ts'
import { type Answer, openTestApp, type TestAccount, type TestApp, type TestTotp } from './app.ts'
import { type Browser, openBrowser, type Visited } from './form-browser.ts'

export const SUITE = 'https://suite.example/test/a/postern'
export const CALLBACK = `${SUITE}/callback`
export const POST_LOGOUT = `${SUITE}/post_logout_redirect`
export const SCOPES = ['openid', 'profile', 'email', 'phone', 'address', 'offline_access']

export type RelyingParty = {
  clientId: string
  secret: string
  method: 'client_secret_basic' | 'client_secret_post'
}

/** What the suite's modules are run with: once with `query`, once with `form_post`. */
export type Setting = {
  postern: TestApp
  responseMode: 'query' | 'form_post'
  first: RelyingParty
  second: RelyingParty
  posting: RelyingParty
  administer: (method: 'POST' | 'PATCH', url: string, body: object) => Promise<Answer>
  /** Registers a client with members of its own. */
  register: (members: Record<string, unknown>) => Promise<Answer>
}

/** A person at a browser that has no cookie. */
export type Visitor = { browser: Browser; account: TestAccount; totp: TestTotp | null }

export type Parameters = Record<string, string | undefined>
export type Asked = { parameters: Record<string, string>; page: Visited }

const REGISTERED = {
  first_party: true,
  scopes: SCOPES,
  redirect_uris: [CALLBACK],
  post_logout_redirect_uris: [POST_LOGOUT],
  grant_types: ['authorization_code', 'refresh_token'],
  id_token_signed_response_alg: 'RS256',
  code_protection: 'nonce',
}

export const openSetting = async (
  t: Test,
  responseMode: Setting['responseMode'] = 'query',
  environment: Record<string, string> = {},
): Promise<Setting> => {
  const postern = await openTestApp(t, {
    environment: { POSTERN_ALLOW_PRIVATE_ADDRESSES: 'all', ...environment },
  })
  const { bearer } = await signInAdministrator(postern)
  const administer: Setting['administer'] = (method, url, body) =>
    postern.request(method, url, { bearer, body })
  const register: Setting['register'] = (members) =>
    administer('POST', '/v1/admin/clients', { name: 'Conformance suite', ...REGISTERED, ...members })
  const party = async (method: RelyingParty['method']): Promise<RelyingParty> => {
    const { status, body, text } = await register({ token_endpoint_auth_method: method })
    if (status !== 201) throw new Error(`cannot register: ${text}`)
    return { clientId: body.client_id, secret: body.client_secret, method }
  }
  return {
    postern,
    responseMode,
    first: await party('client_secret_basic'),
    second: await party('client_secret_basic'),
    posting: await party('client_secret_post'),
    administer,
    register,
  }
}

export const newVisitor = async (
  { postern }: Setting,
  factors: 'password' | 'second_factor' = 'password',
): Promise<Visitor> => {
  const account = await postern.createAccount()
  const totp = factors === 'second_factor' ? await postern.enrollTotp(account) : null
  return { browser: openBrowser(postern), account, totp }
}

const random = ({ postern }: Setting): string => postern.deps.randomBytes(16).toString('base64url')

/** A request as the suite makes it; what is undefined is left out. */
export const requestParameters = (
  setting: Setting,
  { clientId }: RelyingParty,
  changed: Parameters = {},
): Record<string, string> => {
  const parameters = {
    client_id: clientId,
    redirect_uri: CALLBACK,
    response_type: 'code',
    scope: 'openid',
    state: random(setting),
    nonce: random(setting),
    ...(setting.responseMode === 'form_post' && { response_mode: 'form_post' }),
    ...changed,
  }
  return Object.fromEntries(
    Object.entries(parameters).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

/** Sends the browser to the authorization endpoint; its user has done nothing yet. */
export const ask = async (
  setting: Setting,
  { browser }: Visitor,
  party: RelyingParty,
  changed: Parameters = {},
): Promise<Asked> => {
  const parameters = requestParameters(setting, party, changed)
  const page = await browser.visit(`/oauth2/authorize?${new URLSearchParams(parameters)}`)
  return { parameters, page }
}

const fieldsOf = ({ forms }: Visited): Record<string, string> => forms[0]?.fields ?? {}

const answersForm = async (
  { postern }: Setting,
  { browser, account, totp }: Visitor,
  page: Visited,
): Promise<Visited | null> => {
  const fields = fieldsOf(page)
  if ('password' in fields) {
    const { username, password } = account
    return browser.submit(page, { username, password })
  }
  if ('code' in fields && totp) {
    // The code of this step may have been used.
    postern.advance(30)
    return browser.submit(page, { code: totp.code() })
  }
  if (page.html.includes('name="decision"')) return browser.submit(page, { decision: 'allow' })
  return null
}

const isAnswer = ({ left, forms }: Visited): boolean =>
  left !== null || (forms[0]?.action.startsWith('https://suite.example/') ?? false)

/** Answers the pages, until the browser is sent to the relying party or there is nothing to answer. */
export const answerPages = async (setting: Setting, visitor: Visitor, first: Visited): Promise<Visited> => {
  let page = first
  for (let answered = 0; answered < 6 && !isAnswer(page); answered += 1) {
    const next = await answersForm(setting, visitor, page)
    if (next === null) return page
    page = next
  }
  return page
}

export type Response = { parameters: Record<string, string>; to: string; sentBy: 'query' | 'form_post' }

/** What the relying party is sent; null where it is sent nothing. */
export const responseOf = ({ left, forms }: Visited): Response | null => {
  if (left) {
    const to = left.origin + left.pathname
    return { parameters: Object.fromEntries(left.searchParams), to, sentBy: 'query' }
  }
  const [form] = forms
  if (!form?.action.startsWith('https://suite.example/')) return null
  return { parameters: form.fields, to: form.action, sentBy: 'form_post' }
}

/** Asserts what every answer has to be (OAuth 2.0 Multiple Response Types, Form Post, RFC 9207). */
export const checkedResponse = (
  t: Test,
  setting: Setting,
  { parameters }: Asked,
  page: Visited,
): Record<string, string> => {
  const response = responseOf(page)
  if (!response) throw new Error(`nothing is answered: ${page.status} ${page.url} "${page.heading}"`)
  t.match(response, {
    to: CALLBACK,
    sentBy: parameters.response_mode === 'form_post' ? 'form_post' : 'query',
  })
  t.equal(response.parameters.state, parameters.state, 'state comes back')
  t.equal(response.parameters.iss, setting.postern.config.issuer, 'the issuer is named')
  return response.parameters
}

export const redeem = (
  { postern }: Setting,
  { clientId, secret, method }: RelyingParty,
  form: Record<string, string>,
): Promise<Answer> =>
  postern.request(
    'POST',
    '/oauth2/token',
    method === 'client_secret_basic'
      ? { basic: { clientId, secret }, form }
      : { form: { ...form, client_id: clientId, client_secret: secret } },
  )

export const codeGrant = (code: string, more: Record<string, string> = {}) => ({
  grant_type: 'authorization_code',
  code,
  redirect_uri: CALLBACK,
  ...more,
})

export type Tokens = { answer: Answer; claims: JWTPayload; header: ProtectedHeaderParameters }

/** Verifies an ID token as OpenID Connect Core 3.1.3.7 has it. */
export const verifyIdToken = async (
  { postern }: Setting,
  { clientId }: RelyingParty,
  idToken: string,
): Promise<{ claims: JWTPayload; header: ProtectedHeaderParameters }> => {
  const { body: jwks } = await postern.request('GET', '/.well-known/jwks.json')
  const { payload, protectedHeader } = await jwtVerify(idToken, createLocalJWKSet(jwks), {
    issuer: postern.config.issuer,
    audience: clientId,
    currentDate: postern.now(),
    requiredClaims: ['iat', 'exp', 'sub'],
  })
  return { claims: payload, header: protectedHeader }
}

/** A whole authorization: asked, answered, redeemed, verified. */
export const authorize = async (
  t: Test,
  setting: Setting,
  visitor: Visitor,
  changed: Parameters = {},
  party: RelyingParty = setting.first,
): Promise<Tokens & { code: string }> => {
  const asked = await ask(setting, visitor, party, changed)
  const page = await answerPages(setting, visitor, asked.page)
  const { code = '' } = checkedResponse(t, setting, asked, page)
  const answer = await redeem(setting, party, codeGrant(code))
  t.match(answer, { status: 200, body: { token_type: 'Bearer', expires_in: Number, access_token: String } })
  t.match(answer.headers, { 'cache-control': 'no-store' })
  const verified = await verifyIdToken(setting, party, answer.body.id_token)
  t.equal(verified.claims.nonce, asked.parameters.nonce, 'the nonce of the request, or none')
  return { answer, code, ...verified }
}

export const userinfo = ({ postern }: Setting, accessToken: string): Promise<Answer> =>
  postern.request('GET', '/oauth2/userinfo', { bearer: accessToken })
