// The discovery documents are complete and true: each value in them is walked, and shown to work. A member that nothing
// here proves fails.
import { decodeProtectedHeader } from 'jose'
import t, { type Test } from 'tap'
import { byAssertion, newAssertionKey } from '../support/assertion.ts'
import { newDpopKey, tokenWithProof } from '../support/dpop.ts'
import { onBothEngines } from '../support/embedded.ts'
import {
  answerPages,
  ask,
  authorize,
  CALLBACK,
  codeGrant,
  newVisitor,
  openSetting,
  POST_LOGOUT,
  type RelyingParty,
  redeem,
  responseOf,
  type Setting,
  userinfo,
  type Visitor,
  verifyIdToken,
} from '../support/relying-party.ts'
import { describeAccount } from '../support/standard-claims.ts'

const skip = onBothEngines()

const DOCUMENTS = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']

type Scene = { setting: Setting; visitor: Visitor }

/** Is given one value: of a list each in turn. */
type Prover = (t: Test, value: never, scene: Scene) => Promise<unknown> | unknown

const registered = async (
  setting: Setting,
  members: Record<string, unknown>,
  method: RelyingParty['method'] = 'client_secret_basic',
): Promise<RelyingParty> => {
  const { status, body, text } = await setting.register({ token_endpoint_auth_method: method, ...members })
  if (status !== 201) throw new Error(`cannot register ${JSON.stringify(members)}: ${text}`)
  return { clientId: body.client_id, secret: body.client_secret ?? '', method }
}

const pathOf = (url: string): string => new URL(url).pathname

/** It is there, and refuses what is nothing. */
const postable: Prover = async (t, url: string, { setting }) => {
  const { status } = await setting.postern.request('POST', pathOf(url), { form: {} })
  t.ok([400, 401].includes(status), `${url}: ${status}`)
}

const clientAuthentication =
  (path: string): Prover =>
  async (t, method: string, { setting }) => {
    const { postern } = setting
    const form = path === '/oauth2/token' ? { grant_type: 'client_credentials' } : { token: 'nothing' }
    const key = await newAssertionKey()
    const grants = method === 'none' ? ['authorization_code'] : ['authorization_code', 'client_credentials']
    const { body } = await setting.register({
      token_endpoint_auth_method: method,
      grant_types: grants,
      code_protection: 'pkce',
      ...(method === 'private_key_jwt' && { jwks: { keys: [key.jwk] } }),
    })
    const { client_id: clientId, client_secret: secret } = body
    const credentials: Record<string, object> = {
      client_secret_basic: { basic: { clientId, secret }, form },
      client_secret_post: { form: { ...form, client_id: clientId, client_secret: secret } },
      private_key_jwt: { form: { ...form, ...byAssertion(await key.assertion(postern, clientId)) } },
      none: { form: { ...form, client_id: clientId } },
    }
    const answer = await postern.request('POST', path, credentials[method] ?? {})
    // A public client is known, and has no token of its own.
    const expected = method === 'none' && path === '/oauth2/token' ? 'unauthorized_client' : undefined
    t.equal(answer.body?.error, expected, `${method}: ${answer.text}`)
  }

const assertionAlgorithm =
  (path: string): Prover =>
  async (t, alg: string, { setting }) => {
    const key = await newAssertionKey(alg)
    const { body } = await setting.register({
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: alg,
      jwks: { keys: [key.jwk] },
      grant_types: ['client_credentials'],
    })
    const form = { grant_type: 'client_credentials', token: 'nothing' }
    const { grant_type: grantType, token } = form
    const { status, text } = await setting.postern.request('POST', path, {
      form: {
        ...(path === '/oauth2/token' ? { grant_type: grantType } : { token }),
        ...byAssertion(await key.assertion(setting.postern, body.client_id)),
      },
    })
    t.equal(status, 200, `${alg}: ${text}`)
  }

const isTrue: Prover = (t, value: boolean) => t.equal(value, true)

/** All claims that can be had, of one account and session. */
const claimsSeen = async (t: Test, { setting, visitor }: Scene): Promise<Set<string>> => {
  const scope = 'openid profile email phone address roles'
  const party = await registered(setting, { scopes: scope.split(' ') })
  const { claims, answer } = await authorize(
    t,
    setting,
    visitor,
    { scope, claims: '{"userinfo":{"roles":null}}' },
    party,
  )
  const { body } = await userinfo(setting, answer.body.access_token)
  return new Set([...Object.keys(claims), ...Object.keys(body)])
}

const PROVERS: Record<string, Prover> = {
  issuer: (t, value: string, { setting }) => t.equal(value, setting.postern.config.issuer),
  authorization_endpoint: async (t, url: string, { visitor }) => {
    t.match((await visitor.browser.visit(pathOf(url))).headers['content-type'], /html/)
  },
  pushed_authorization_request_endpoint: postable,
  token_endpoint: postable,
  introspection_endpoint: postable,
  revocation_endpoint: postable,
  userinfo_endpoint: async (t, url: string, { setting }) => {
    t.equal((await setting.postern.request('GET', pathOf(url))).status, 401)
  },
  end_session_endpoint: async (t, url: string, { setting }) => {
    const visitor = await newVisitor(setting)
    const { answer } = await authorize(t, setting, visitor)
    const query = new URLSearchParams({
      id_token_hint: answer.body.id_token,
      post_logout_redirect_uri: POST_LOGOUT,
    })
    t.equal((await visitor.browser.visit(`${pathOf(url)}?${query}`)).left?.href, POST_LOGOUT)
  },
  jwks_uri: async (t, url: string, { setting }) => {
    const { body } = await setting.postern.request('GET', pathOf(url))
    t.ok(body.keys.length > 0)
  },
  service_documentation: async (t, url: string, { setting }) => {
    t.ok((await setting.postern.request('GET', pathOf(url))).status < 400)
  },
  scopes_supported: async (t, scope: string, { setting, visitor }) => {
    const isMachine = scope.startsWith('challenges')
    const party = await registered(setting, {
      scopes: ['openid', scope].filter((one, index, all) => all.indexOf(one) === index),
      grant_types: isMachine ? ['client_credentials'] : ['authorization_code'],
    })
    if (isMachine) {
      const answer = await redeem(setting, party, { grant_type: 'client_credentials', scope })
      t.equal(answer.body.scope, scope)
      return
    }
    const asked = scope === 'openid' ? scope : `openid ${scope}`
    const { answer } = await authorize(t, setting, visitor, { scope: asked }, party)
    t.ok(answer.body.scope.split(' ').includes(scope), `${scope} of ${answer.body.scope}`)
  },
  response_types_supported: async (t, type: string, { setting, visitor }) => {
    await authorize(t, setting, visitor, { response_type: type })
  },
  response_modes_supported: async (t, mode: 'query' | 'form_post', { setting, visitor }) => {
    const { page } = await ask(setting, visitor, setting.first, { response_mode: mode })
    t.equal(responseOf(await answerPages(setting, visitor, page))?.sentBy, mode)
  },
  grant_types_supported: async (t, grant: string, { setting, visitor }) => {
    const party = await registered(setting, {
      scopes: ['openid', 'challenges'],
      grant_types: [...new Set([grant, 'authorization_code'])],
    })
    if (grant === 'client_credentials') {
      t.equal((await redeem(setting, party, { grant_type: grant })).status, 200)
      return
    }
    const { answer } = await authorize(t, setting, visitor, {}, party)
    if (grant !== 'refresh_token') return
    const renewed = await redeem(setting, party, {
      grant_type: grant,
      refresh_token: answer.body.refresh_token,
    })
    t.equal(renewed.status, 200)
  },
  prompt_values_supported: async (t, prompt: string, { setting, visitor }) => {
    await authorize(t, setting, visitor)
    const { page } = await ask(setting, visitor, setting.first, { prompt })
    const shown: Record<string, RegExp> = {
      login: /name="password"/,
      consent: /name="decision"/,
      select_account: /name="account"/,
    }
    if (prompt === 'none') t.ok(responseOf(page)?.parameters.code)
    // Where accounts may not register themselves, the client is answered that it is off (its own test has it on).
    else if (prompt === 'create') t.equal(responseOf(page)?.parameters.error, 'invalid_request')
    else t.match(page.html, shown[prompt], prompt)
  },
  code_challenge_methods_supported: async (t, method: string, { setting, visitor }) => {
    const challenge = {
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: method,
    }
    const { page } = await ask(setting, visitor, setting.first, challenge)
    const { code = '' } = responseOf(await answerPages(setting, visitor, page))?.parameters ?? {}
    const verifier = { code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk' }
    t.equal((await redeem(setting, setting.first, codeGrant(code, verifier))).status, 200)
  },
  subject_types_supported: async (t, type: string, { setting, visitor }) => {
    const party = await registered(setting, { subject_type: type })
    const { claims } = await authorize(t, setting, visitor, {}, party)
    t.equal(claims.sub === visitor.account.id, type === 'public')
  },
  id_token_signing_alg_values_supported: async (t, alg: string, { setting, visitor }) => {
    const party = await registered(setting, { id_token_signed_response_alg: alg })
    const { header } = await authorize(t, setting, visitor, {}, party)
    t.equal(header.alg, alg)
  },
  userinfo_signing_alg_values_supported: async (t, alg: string, { setting, visitor }) => {
    const party = await registered(setting, { userinfo_signed_response_alg: alg })
    const { answer } = await authorize(t, setting, visitor, {}, party)
    const { text } = await userinfo(setting, answer.body.access_token)
    const { header } = await verifyIdToken(setting, party, text).catch(() => ({
      header: decodeProtectedHeader(text),
    }))
    t.equal(header.alg, alg)
  },
  introspection_signing_alg_values_supported: async (t, alg: string, { setting, visitor }) => {
    const party = await registered(setting, { introspection_signed_response_alg: alg })
    const { answer } = await authorize(t, setting, visitor, {}, party)
    const { clientId, secret } = party
    const introspected = await setting.postern.request('POST', '/oauth2/introspect', {
      basic: { clientId, secret },
      form: { token: answer.body.access_token },
      headers: { accept: 'application/token-introspection+jwt' },
    })
    t.equal(decodeProtectedHeader(introspected.text).alg, alg)
  },
  dpop_signing_alg_values_supported: async (t, alg: string, { setting }) => {
    const party = await registered(setting, { grant_types: ['client_credentials'] })
    const { clientId, secret } = party
    const key = await newDpopKey(alg)
    const form = { grant_type: 'client_credentials' }
    const { body } = await tokenWithProof(setting.postern, key, { basic: { clientId, secret }, form })
    t.equal(body.token_type, 'DPoP', alg)
  },
  token_endpoint_auth_methods_supported: clientAuthentication('/oauth2/token'),
  token_endpoint_auth_signing_alg_values_supported: assertionAlgorithm('/oauth2/token'),
  introspection_endpoint_auth_methods_supported: clientAuthentication('/oauth2/introspect'),
  introspection_endpoint_auth_signing_alg_values_supported: assertionAlgorithm('/oauth2/introspect'),
  revocation_endpoint_auth_methods_supported: clientAuthentication('/oauth2/revoke'),
  revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithm('/oauth2/revoke'),
  // `authorize` compares `iss` of each answer; the module of the Back-Channel Logout plan receives a token with `sid`.
  authorization_response_iss_parameter_supported: isTrue,
  backchannel_logout_supported: isTrue,
  backchannel_logout_session_supported: isTrue,
  claims_parameter_supported: async (t, _value, { setting, visitor }) => {
    const claims = '{"userinfo":{"name":{"essential":true}}}'
    const { answer } = await authorize(t, setting, visitor, { claims })
    t.ok((await userinfo(setting, answer.body.access_token)).body.name)
  },
  request_parameter_supported: async (t, value: boolean, { setting, visitor }) => {
    t.equal(value, false)
    const { page } = await ask(setting, visitor, setting.first, { request: 'eyJhbGciOiJub25lIn0.e30.' })
    t.equal(responseOf(page)?.parameters.error, 'request_not_supported')
  },
  request_uri_parameter_supported: async (t, value: boolean, { setting, visitor }) => {
    t.equal(value, false)
    const { page } = await ask(setting, visitor, setting.first, { request_uri: `${CALLBACK}/request` })
    t.equal(responseOf(page)?.parameters.error, 'request_uri_not_supported')
  },
  require_pushed_authorization_requests: (t, value: boolean) => t.equal(value, false),
  claim_types_supported: (t, value: string) => t.equal(value, 'normal'),
  ui_locales_supported: async (t, tag: string, { setting }) => {
    const { page } = await ask(setting, await newVisitor(setting), setting.first, { ui_locales: tag })
    t.match(page.html, `<html lang="${tag}"`)
  },
  acr_values_supported: async (t, acr: string, { setting }) => {
    const visitor = await newVisitor(setting, acr === 'aal1' ? 'password' : 'second_factor')
    const { claims } = await authorize(t, setting, visitor, { acr_values: acr })
    t.equal(claims.acr, acr)
  },
  claims_supported: async (t, claim: string, scene) => {
    // Roles of a client's own subjects, who do not sign in here.
    if (claim === 'client_roles') return
    t.ok((await claimsSeen(t, scene)).has(claim), claim)
  },
}

t.test('each value of the discovery documents is proven', { skip }, async (t) => {
  const setting = await openSetting(t)
  const [first, second] = await Promise.all(DOCUMENTS.map((path) => setting.postern.request('GET', path)))
  t.same(first?.body, second?.body, 'both documents say the same')
  t.equal(new Set(Object.keys(first?.body)).size, Object.keys(PROVERS).length)
  const visitor = await newVisitor(setting)
  await describeAccount(setting, visitor.account)
  for (const [member, values] of Object.entries(first?.body)) {
    const prove = PROVERS[member]
    if (!prove) t.fail(`${member} is proven by nothing`)
    for (const value of [values].flat()) await prove?.(t, value as never, { setting, visitor })
  }
})
