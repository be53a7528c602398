// A public client that binds its code, its access tokens and its refresh tokens to a key (RFC 9449 5, 10).
import { test } from 'tap'
import { openTestApp, PASSWORD } from '../../support/app.ts'
import { newDpopKey, requestWithProof, tokenWithProof } from '../../support/dpop.ts'
import { onBothEngines } from '../../support/embedded.ts'
import { openBrowser } from '../../support/form-browser.ts'
import { answerOf, authorizationRequest, REDIRECT_URI } from '../../support/oidc-client.ts'

const skip = onBothEngines()

test('a public client with a key', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const [key, thief] = [await newDpopKey(), await newDpopKey()]
  const { username } = await postern.createAccount()
  const client = await postern.createClient({
    scopes: ['openid', 'offline_access'],
    redirectUris: [REDIRECT_URI],
    firstParty: true,
    tokenEndpointAuthMethod: 'none',
    dpopBoundAccessTokens: true,
  })
  const browser = openBrowser(postern)
  const page = await browser.visit(authorizationRequest(client).url)
  await browser.submit(page, { username, password: PASSWORD })
  const named = { client_id: client.clientId }
  const codeForm = async (changed: Record<string, string> = {}) => {
    const { url, codeVerifier } = authorizationRequest(client, changed)
    const code = answerOf(await browser.visit(url)).code ?? ''
    const form = { grant_type: 'authorization_code', code, code_verifier: codeVerifier }
    return { ...named, ...form, redirect_uri: REDIRECT_URI }
  }
  const refreshForm = (token: string) => ({ ...named, grant_type: 'refresh_token', refresh_token: token })
  const plain = (form: Record<string, string>) => postern.request('POST', '/oauth2/token', { form })

  await t.test('redeems a code that is bound to the key by that key alone', async (t) => {
    const form = await codeForm({ dpop_jkt: key.jkt })
    t.match((await plain(form)).body, { error: 'invalid_dpop_proof' })
    t.equal((await tokenWithProof(postern, thief, { form })).body.error, 'invalid_grant')
    const { status, body } = await tokenWithProof(postern, key, { form })
    t.match({ status, body }, { status: 200, body: { token_type: 'DPoP' } })
    const asked = { method: 'GET', path: '/oauth2/userinfo', accessToken: body.access_token }
    t.equal((await requestWithProof(postern, key, asked)).status, 200)
    t.equal((await requestWithProof(postern, thief, asked)).status, 401)
  })

  await t.test('renews by the key that it has redeemed the code with, and by no other', async (t) => {
    const { body } = await tokenWithProof(postern, key, { form: await codeForm() })
    const form = refreshForm(body.refresh_token)
    t.match((await plain(form)).body, { error: 'invalid_dpop_proof' })
    t.equal((await tokenWithProof(postern, thief, { form })).body.error, 'invalid_grant')
    const renewed = await tokenWithProof(postern, key, { form })
    t.equal(renewed.status, 200, 'and the thief has ended nothing')
    t.equal(renewed.body.token_type, 'DPoP')
  })
})
