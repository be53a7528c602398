// Every form of the pages: from here, from this browser, or refused with nothing changed (docs/security.md 24). The routes are
// walked, so that a new form cannot leave the check out.
import t from 'tap'
import { openTestApp, PASSWORD } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { type Browser, openBrowser } from '../support/form-browser.ts'
import { authorizationRequest, REDIRECT_URI } from '../support/oidc-client.ts'
import { routesOf } from '../support/routes.ts'

const skip = onBothEngines()

/** Ends of the protocol, which other sites post to: they only send the browser on, to an address. */
const OF_THE_PROTOCOL = ['/oauth2/authorize', '/oauth2/logout']

const isPage = (url: string): boolean => /^\/(sign-in|sign-out|account|register)/.test(url)

const STATE = {
  name: 'test_forms_state',
  text: `SELECT (SELECT count(*) FROM consents) AS consents, (SELECT count(*) FROM authenticators) AS authenticators,
                (SELECT count(*) FROM accounts) AS accounts`,
}

t.test('each form of the pages is refused from elsewhere', { skip }, async (t) => {
  const { built: postern, routes } = await routesOf(() => openTestApp(t))
  const { config, app, deps, now } = postern
  const account = await postern.createAccount()
  const client = await postern.createClient({ scopes: ['openid'], redirectUris: [REDIRECT_URI] })
  const signedIn = async (): Promise<{ browser: Browser; csrf: string; flow: string }> => {
    const browser = openBrowser(postern)
    const page = await browser.visit(authorizationRequest(client).url)
    const consent = await browser.submit(page, { username: account.username, password: PASSWORD })
    const { csrf = '', flow = '' } = consent.forms[0]?.fields ?? {}
    return { browser, csrf, flow }
  }
  const own = await signedIn()
  const other = await signedIn()
  const members = {
    username: account.username,
    password: PASSWORD,
    method: 'totp',
    code: '123456',
    account: account.id,
    decision: 'allow',
    client_id: client.clientId,
    codes: 'AAAA-AAAA-AAAA-AAAA',
    saved: 'yes',
  }
  const origin = new URL(config.issuer).origin
  const attacks: Record<string, { headers: Record<string, string>; csrf: string }> = {
    'another site': { headers: { origin: 'https://evil.example' }, csrf: own.csrf },
    'an opaque origin': { headers: { origin: 'null' }, csrf: own.csrf },
    'no token': { headers: { origin }, csrf: '' },
    'another browser’s token': { headers: { origin }, csrf: other.csrf },
  }
  const forms = routes.filter(({ method, url }) => method === 'POST' && isPage(url))
  t.ok(forms.length >= 9, `${forms.length} forms`)
  const pages = routes.filter(({ method, url }) => method === 'GET' && OF_THE_PROTOCOL.includes(url))
  t.equal(pages.length, OF_THE_PROTOCOL.length)
  const sessions = () => deps.ephemeral.sessions.list(account.id, now().getTime())
  const before = [await deps.postgres.query(STATE), (await sessions()).map(({ sid }) => sid)]
  for (const { url, schema } of forms) {
    const { body } = schema as { body: { properties: Record<string, unknown> } }
    const given = Object.entries(members).filter(([name]) => name in body.properties)
    for (const [name, { headers, csrf }] of Object.entries(attacks)) {
      const answer = await app.inject({
        method: 'POST',
        url,
        headers: {
          ...headers,
          cookie: [...own.browser.cookies].map(([cookie, value]) => `${cookie}=${value}`).join('; '),
          'content-type': 'application/x-www-form-urlencoded',
        },
        payload: new URLSearchParams({ ...Object.fromEntries(given), csrf, flow: own.flow }).toString(),
      })
      t.equal(answer.statusCode, 403, `${url} with ${name}`)
      t.match(answer.headers['content-type'], /text\/html/)
    }
  }
  t.same([await deps.postgres.query(STATE), (await sessions()).map(({ sid }) => sid)], before)
})
