// Apache with mod_auth_openidc, as Debian installs them: https://github.com/OpenIDC/mod_auth_openidc
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { PASSWORD } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'
import type { Visited } from '../support/form-browser.ts'
import { LOOPBACK_ALLOWED } from '../support/logout-receiver.ts'
import { claimsOf } from '../support/oidc-client.ts'
import {
  createUser,
  openHttpBrowser,
  type RunningPostern,
  runPosternFor,
} from '../support/running-postern.ts'
import {
  findProgram,
  freePort,
  runServer,
  temporaryFolder,
  unprivilegedUser,
} from '../support/server-process.ts'
import { missingServer } from '../support/servers.ts'
import { totpCode } from '../support/totp-code.ts'

const MODULES = '/usr/lib/apache2/modules'

const missingApache = (): string | false => {
  if (findProgram('apache2') !== null && existsSync(join(MODULES, 'mod_auth_openidc.so'))) return false
  const reason = 'skipped: apache2 or libapache2-mod-auth-openidc is not installed'
  if (process.env.REQUIRE_SERVERS === '1') throw new Error(reason)
  return reason
}

const API = 'https://api.example'

const skip = missingServer('postgres') || missingServer('redis') || missingApache()

type Settings = { postern: RunningPostern; origin: string; clientId: string; secret: string; more: string }

/** A wiki for whoever has signed in, and payments for whoever has passed a second factor. */
const configuration = (folder: string, { postern, origin, clientId, secret, more }: Settings): string => `
ServerRoot ${folder}
ServerName localhost
Listen 127.0.0.1:${new URL(origin).port}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
DocumentRoot ${folder}/pages
${['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'dir', 'headers', 'auth_openidc']
  .map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`)
  .join('\n')}
DirectoryIndex index.html
OIDCProviderMetadataURL ${postern.issuer}/.well-known/openid-configuration
OIDCClientID ${clientId}
OIDCClientSecret ${secret}
OIDCRedirectURI ${origin}/oidc/callback
OIDCCryptoPassphrase of-the-test
OIDCScope "openid profile"
# A browser tells no ports apart.
OIDCCookie session_${new URL(origin).port}
# For a machine that is busy.
OIDCHTTPTimeoutShort 30
OIDCInfoHook access_token refresh_token id_token userinfo
${more}
<Location /oidc>
  AuthType openid-connect
  Require valid-user
</Location>
<Location /wiki>
  AuthType openid-connect
  Require valid-user
  Header set X-User "%{OIDC_CLAIM_preferred_username}e %{OIDC_CLAIM_acr}e"
</Location>
<Location /payments>
  AuthType openid-connect
  Require claim acr:aal2
  OIDCUnAutzAction auth
  OIDCPathAuthRequestParams acr_values=aal2
  Header set X-User "%{OIDC_CLAIM_preferred_username}e %{OIDC_CLAIM_acr}e"
</Location>
<Location /api>
  AuthType oauth20
  <RequireAll>
    Require claim aud:${API}
    Require claim acr:aal2
  </RequireAll>
</Location>
<Location /silent>
  AuthType openid-connect
  Require valid-user
  OIDCPathAuthRequestParams prompt=none
</Location>
`

const runApacheFor = async (
  t: Test,
  postern: RunningPostern,
  { more = 'OIDCPKCEMethod S256', members = {} }: { more?: string; members?: object } = {},
): Promise<string> => {
  const user = unprivilegedUser('www-data')
  const folder = temporaryFolder('apache', user)
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const { clientId, secret } = await postern.registerClient({
    redirect_uris: [`${origin}/oidc/callback`],
    post_logout_redirect_uris: [`${origin}/bye/`],
    backchannel_logout_uri: `${origin}/oidc/callback?logout=backchannel`,
    scopes: ['openid', 'profile'],
    ...members,
  })
  for (const name of ['wiki', 'payments', 'api', 'silent', 'bye']) {
    mkdirSync(join(folder, 'pages', name), { recursive: true })
    writeFileSync(join(folder, 'pages', name, 'index.html'), `<h1>${name}</h1>`)
  }
  const file = join(folder, 'apache.conf')
  writeFileSync(
    file,
    configuration(folder, {
      postern,
      origin,
      clientId,
      secret,
      more: more.replaceAll('$ID', clientId).replaceAll('$SECRET', secret),
    }),
  )
  const apache = await runServer({
    port,
    url: origin,
    folder,
    command: findProgram('apache2') ?? 'apache2',
    args: ['-d', folder, '-f', file, '-DFOREGROUND'],
    stopSignal: 'SIGTERM',
    user,
    probe: async () => {
      await fetch(`${origin}/bye/`)
    },
  })
  t.teardown(() => apache.stop())
  return origin
}

/** The page that Apache shows, for whom, and how they have signed in; both are claims that Apache has verified. */
const shown = ({ heading, headers }: Visited): string => `${heading}: ${headers['x-user']}`

type Info = {
  access_token: string
  refresh_token: string
  id_token: Record<string, unknown>
  userinfo: { sub: string }
}

test('mod_auth_openidc signs in, renews and signs out', { skip }, async (t) => {
  const postern = await runPosternFor(t)
  const origin = await runApacheFor(t, postern)
  const user = await createUser(postern, origin)
  const { browser } = user
  const info = async (): Promise<Info> =>
    JSON.parse((await browser.visit(`${origin}/oidc/callback?info=json`)).html)

  const asked = await browser.visit(`${origin}/wiki/`)
  t.match(asked.html, /name="password"/)
  t.equal(shown(await user.signIn(asked)), `wiki: ${user.username} aal2`)
  const before = await info()
  t.match(before, { id_token: { sub: user.id, amr: ['pwd', 'otp', 'mfa'] }, userinfo: { sub: user.id } })

  const back = encodeURIComponent(`${origin}/wiki/`)
  const refresh = `${origin}/oidc/callback?refresh=${back}&access_token=${before.access_token}`
  t.equal(shown(await browser.visit(refresh)), `wiki: ${user.username} aal2`)
  const after = await info()
  t.not(after.refresh_token, before.refresh_token)
  t.equal(claimsOf(after.access_token).sid, claimsOf(before.access_token).sid)

  const bye = await browser.visit(`${origin}/oidc/callback?logout=${encodeURIComponent(`${origin}/bye/`)}`)
  t.equal(bye.heading, 'bye')
  t.match((await browser.visit(`${origin}/wiki/`)).html, /name="password"/, 'Postern’s session has ended too')
})

test('mod_auth_openidc sends who has one factor back for a second', { skip }, async (t) => {
  const postern = await runPosternFor(t)
  const origin = await runApacheFor(t, postern)
  const { username, id } = await postern.createAccount()
  const browser = openHttpBrowser([postern.issuer, origin])

  const page = await browser.visit(`${origin}/wiki/`)
  t.equal(shown(await browser.submit(page, { username, password: PASSWORD })), `wiki: ${username} aal1`)
  const { secret } = await postern.enrollTotp({ id })
  // The application's page sends its user on, as browsers do.
  const sentOn = await browser.visit(`${origin}/payments/`)
  const [, url = ''] = /http-equiv="refresh" content="0; url=([^"]+)"/.exec(sentOn.html) ?? []
  const asked = await browser.visit(url)
  t.match(asked.html, /autocomplete="one-time-code"/)
  const paid = await browser.submit(asked, { code: totpCode(secret, new Date()) })
  t.equal(shown(paid), `payments: ${username} aal2`)
})

// The module takes an error in the address, beside the issuer that RFC 9207 puts there, for a request to sign somebody in. It
// lets nobody in either way; in a form it reads the error.
test('mod_auth_openidc refuses what is not the answer to its request, and says what Postern says', {
  skip,
}, async (t) => {
  const postern = await runPosternFor(t)
  const origin = await runApacheFor(t, postern, { more: 'OIDCPKCEMethod S256\nOIDCResponseMode form_post' })
  const user = await createUser(postern, origin)
  const { browser } = user

  const form = await browser.visit(`${origin}/silent/`)
  t.equal(form.forms[0]?.action, `${origin}/oidc/callback`)
  t.match((await browser.submit(form)).html, /login_required/)

  const answer = await user.signIn(await browser.visit(`${origin}/wiki/`))
  const altered = await browser.submit(answer, { state: 'another' })
  t.equal(altered.heading, 'Bad Request')
  t.equal((await browser.visit(`${origin}/oidc/callback?info=json`)).status, 401)
  t.equal(shown(await browser.submit(answer)), `wiki: ${user.username} aal2`)
})

test('mod_auth_openidc without PKCE is protected by its nonce, where the client is registered so', {
  skip,
}, async (t) => {
  const postern = await runPosternFor(t)
  const withoutPkce = await runApacheFor(t, postern, { more: '' })
  const origin = await runApacheFor(t, postern, { more: '', members: { code_protection: 'nonce' } })
  const user = await createUser(postern, origin, withoutPkce)

  const refused = await user.browser.visit(`${withoutPkce}/wiki/`)
  t.match(refused.url, /error=invalid_request&error_description=code_challenge\+is\+missing/)
  const shownPage = await user.signIn(await user.browser.visit(`${origin}/wiki/`))
  t.equal(shown(shownPage), `wiki: ${user.username} aal2`)
})

const introspecting = ({ issuer }: RunningPostern): string =>
  [
    'OIDCPKCEMethod S256',
    `OIDCOAuthServerMetadataURL ${issuer}/.well-known/openid-configuration`,
    'OIDCOAuthClientID $ID',
    'OIDCOAuthClientSecret $SECRET',
  ].join('\n')

test('mod_auth_openidc guards an API by introspection', { skip }, async (t) => {
  const postern = await runPosternFor(t)
  const origin = await runApacheFor(t, postern, {
    more: introspecting(postern),
    members: { audience: [API] },
  })
  const user = await createUser(postern, origin)
  const { browser } = user
  const signInForToken = async (): Promise<string> => {
    await user.signIn(await browser.visit(`${origin}/wiki/`))
    return JSON.parse((await browser.visit(`${origin}/oidc/callback?info=json`)).html).access_token
  }
  const callWith = async (authorization?: string) =>
    (await fetch(`${origin}/api/`, authorization === undefined ? {} : { headers: { authorization } })).status

  const token = await signInForToken()
  t.equal(await callWith(), 401)
  t.equal(await callWith(`Bearer ${token.slice(0, -8)}AAAAAAAA`), 401)
  t.equal(await callWith(`Bearer ${token}`), 200)
  const signOut = `${origin}/oidc/callback?logout=${encodeURIComponent(`${origin}/bye/`)}`
  await browser.visit(signOut)
  const ended = await signInForToken()
  await browser.visit(signOut)
  t.equal(await callWith(`Bearer ${ended}`), 401, 'its signature and its times are good, its session is not')
})

test('mod_auth_openidc takes the logout token of a session that has ended elsewhere', { skip }, async (t) => {
  const postern = await runPosternFor(t, LOOPBACK_ALLOWED)
  const wiki = await runApacheFor(t, postern)
  const other = await runApacheFor(t, postern)
  const user = await createUser(postern, wiki, other)
  const { browser } = user
  await user.signIn(await browser.visit(`${wiki}/wiki/`))
  t.equal(shown(await browser.visit(`${other}/wiki/`)), `wiki: ${user.username} aal2`, 'without a page')

  t.equal((await browser.visit(`${wiki}/oidc/callback?info=json`)).status, 200)
  await browser.visit(`${other}/oidc/callback?logout=${encodeURIComponent(`${other}/bye/`)}`)
  const isSignedOut = async () => (await browser.visit(`${wiki}/oidc/callback?info=json`)).status === 401
  t.ok(await eventually(15_000, isSignedOut), 'the session that Apache keeps has ended')
})
