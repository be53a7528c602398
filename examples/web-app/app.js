// A web application that signs its users in through Postern, with openid-client and nothing else: the authorization code
// flow with PKCE, renewal, a step-up before something dangerous, and signing out. How to register and run it:
// docs/integrate/web-app.md. Its sessions are in memory, so a restart signs everybody out here, and not at Postern.
import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import * as oidc from 'openid-client'

const { POSTERN_ISSUER = 'http://localhost:8400', CLIENT_ID, CLIENT_SECRET, PORT = '3000' } = process.env
const BASE_URL = process.env.BASE_URL ?? `http://localhost:${PORT}`
/** How old a sign-in may be before the dangerous button, in seconds; 0 asks every time. */
const STEP_UP_MAX_AGE = Number(process.env.STEP_UP_MAX_AGE ?? 300)
/** How long a confirmation is good for, once. */
const CONFIRMED_FOR_MS = 120_000
const CALLBACK = `${BASE_URL}/callback`
const COOKIE = 'web-app'

if (!CLIENT_ID || !CLIENT_SECRET) {
  console.error(`Set CLIENT_ID and CLIENT_SECRET. In the folder of Postern, this registers the application and prints them:

  npx node src/main.ts client create 'Web app' --redirect-uri ${CALLBACK} --post-logout-redirect-uri ${BASE_URL}/`)
  process.exit(1)
}

/** Postern's endpoints and keys, read from its discovery document once it is there. */
let configuration
const postern = async () => {
  const execute = POSTERN_ISSUER.startsWith('http:') ? [oidc.allowInsecureRequests] : []
  configuration ??= await oidc.discovery(
    new URL(POSTERN_ISSUER),
    CLIENT_ID,
    CLIENT_SECRET,
    oidc.ClientSecretBasic(CLIENT_SECRET),
    { execute },
  )
  return configuration
}

/** Visitors by the value of their cookie: `pending` sign-ins by `state`, and who has signed in. */
const sessions = new Map()

const openSession = (response, session) => {
  const id = randomBytes(32).toString('base64url')
  sessions.set(id, session)
  const secure = BASE_URL.startsWith('https:') ? '; Secure' : ''
  response.setHeader('set-cookie', `${COOKIE}=${id}; Path=/; HttpOnly; SameSite=Lax${secure}`)
  return session
}

const sessionIdOf = ({ headers }) => new RegExp(`(?:^|; )${COOKIE}=([^;]+)`).exec(headers.cookie ?? '')?.[1]

/** Sends the browser to Postern. `action` is what the user wanted to do, and goes on with afterwards. */
const goToPostern = async ({ response, session }, { action, ...asked }) => {
  const visitor = session ?? openSession(response, { pending: new Map(), user: null })
  const state = oidc.randomState()
  const pending = { action, codeVerifier: oidc.randomPKCECodeVerifier(), nonce: oidc.randomNonce(), ...asked }
  visitor.pending.set(state, pending)
  const url = oidc.buildAuthorizationUrl(await postern(), {
    redirect_uri: CALLBACK,
    scope: 'openid profile email',
    state,
    nonce: pending.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(pending.codeVerifier),
    code_challenge_method: 'S256',
    ...(asked.acr && { acr_values: asked.acr }),
    ...(asked.maxAge !== undefined && { max_age: String(asked.maxAge) }),
  })
  redirect(response, url.href)
}

const keepTokens = (user, tokens) => ({
  ...user,
  idToken: tokens.id_token ?? user.idToken,
  claims: tokens.claims() ?? user.claims,
  refreshToken: tokens.refresh_token ?? user.refreshToken,
  accessTokenUntil: new Date(Date.now() + tokens.expires_in * 1000),
})

/** Postern has sent the browser back, with a code or an error. openid-client checks state, nonce, PKCE, iss and the ID token. */
const callback = async ({ url, response, session, sessionId }) => {
  const state = url.searchParams.get('state')
  const pending = session?.pending.get(state)
  if (!pending) return showMessage(response, 400, 'This sign-in was not begun in this browser, or is over.')
  session.pending.delete(state)
  const tokens = await oidc.authorizationCodeGrant(await postern(), url, {
    expectedState: state,
    expectedNonce: pending.nonce,
    pkceCodeVerifier: pending.codeVerifier,
    idTokenExpected: true,
    // The age of the sign-in that was asked for is checked in the ID token (auth_time), not just asked for.
    ...(pending.maxAge !== undefined && { maxAge: pending.maxAge }),
  })
  const user = keepTokens({}, tokens)
  // A new session id for who has just signed in, so that nobody else can have chosen it.
  sessions.delete(sessionId)
  openSession(response, { pending: session.pending, user })
  if (pending.action !== 'danger') return redirect(response, '/')
  if (pending.acr && user.claims.acr !== pending.acr)
    return showMessage(response, 403, 'A second factor is needed for this.')
  user.confirmedUntil = Date.now() + CONFIRMED_FOR_MS
  redirect(response, '/danger')
}

const signIn = (context) => goToPostern(context, { action: 'sign-in' })

/** Before anything dangerous: two factors, and a sign-in that is fresh. Postern asks for what is missing, or for nothing. */
const stepUp = (context) => goToPostern(context, { action: 'danger', acr: 'aal2', maxAge: STEP_UP_MAX_AGE })

const isConfirmed = ({ confirmedUntil = 0 }) => confirmedUntil > Date.now()

const askDanger = (context) => {
  const { response, user } = context
  if (!isConfirmed(user)) return stepUp(context)
  showPage(response, 200, 'You have confirmed that it is you', [
    html`<p>Nothing is deleted really; this is where your application would go on.</p>`,
    button('/danger', 'Delete everything now', 'danger'),
    html`<p><a href="/">Back</a></p>`,
  ])
}

const doDanger = (context) => {
  const { response, user } = context
  if (!isConfirmed(user)) return stepUp(context)
  user.confirmedUntil = 0
  showMessage(response, 200, 'Everything is deleted. (Nothing was, really.)')
}

/** The refresh token is good once: the new one replaces it before anything else is done. */
const renew = async ({ response, session, user }) => {
  try {
    session.user = keepTokens(user, await oidc.refreshTokenGrant(await postern(), user.refreshToken))
    redirect(response, '/')
  } catch (error) {
    if (!(error instanceof oidc.ResponseBodyError)) throw error
    session.user = null
    showMessage(response, 401, `Sign in again: ${error.error_description ?? error.error}`)
  }
}

/** Here first, then at Postern, which sends the browser back to the front page. */
const signOut = async ({ response, sessionId, user }) => {
  sessions.delete(sessionId)
  const parameters = { id_token_hint: user.idToken, post_logout_redirect_uri: `${BASE_URL}/` }
  redirect(response, oidc.buildEndSessionUrl(await postern(), parameters).href)
}

const showHome = ({ response, user }) => {
  if (!user) {
    return showPage(response, 200, 'A small web application', [
      html`<p>It has no users and no passwords of its own: Postern signs people in.</p>`,
      html`<p><a class="button" href="/sign-in">Sign in</a></p>`,
    ])
  }
  const { claims, accessTokenUntil } = user
  const factors = claims.acr === 'aal2' ? 'with two factors' : 'with one factor'
  showPage(response, 200, `Hello, ${claims.name ?? claims.preferred_username ?? claims.sub}`, [
    html`<p>You have signed in ${factors}. The access token is good until ${accessTokenUntil.toISOString().slice(11, 19)} UTC.</p>`,
    html`<table><caption>What Postern says of you</caption>
      ${Object.entries(claims).map(
        ([name, value]) => html`<tr><th scope="row">${name}</th><td>${show(value)}</td></tr>`,
      )}
    </table>`,
    html`<div class="buttons">
      ${button('/renew', 'Renew')} ${button('/danger', 'Delete everything…', 'danger')} ${button('/sign-out', 'Sign out')}
    </div>`,
  ])
}

const show = (value) => (typeof value === 'string' ? value : JSON.stringify(value))

// Pages. What is put into a template is escaped, unless it is one.

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

class Html {
  constructor(text) {
    this.text = text
  }
}

const escaped = (value) => {
  if (value instanceof Html) return value.text
  if (Array.isArray(value)) return value.map(escaped).join('')
  return String(value).replaceAll(/[&<>"']/g, (character) => ENTITIES[character])
}

const html = ({ raw }, ...values) => new Html(String.raw({ raw }, ...values.map(escaped)))

const button = (action, label, kind = 'plain') =>
  html`<form method="post" action="${action}"><button class="${kind}">${label}</button></form>`

const STYLE = `
  :root { color-scheme: light dark; --line: light-dark(#d8dce3, #3a4150); --accent: light-dark(#1f4fd8, #8fb0ff);
    --page: light-dark(#f4f6fa, #12151c); --card: light-dark(#fff, #1b2029); --danger: light-dark(#b3261e, #ff9b93); }
  body { font: 1rem/1.6 system-ui, sans-serif; margin: 0; padding: 2rem 1rem; background: var(--page); }
  main { max-width: 44rem; margin: 0 auto; padding: 2rem; background: var(--card);
    border: 1px solid var(--line); border-radius: 1rem; }
  h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 1rem; }
  table { width: 100%; border-collapse: collapse; margin: 1.5rem 0; font-size: 0.9rem; }
  caption { text-align: start; font-weight: 600; padding-bottom: 0.5rem; }
  th, td { text-align: start; vertical-align: top; padding: 0.4rem 0.5rem; border-top: 1px solid var(--line); }
  th { font-weight: 500; white-space: nowrap; } td { overflow-wrap: anywhere; font-family: ui-monospace, monospace; }
  a { color: var(--accent); } .buttons { display: flex; flex-wrap: wrap; gap: 0.75rem; }
  button, .button { display: inline-block; font: inherit; font-weight: 600; padding: 0.6rem 1.1rem; cursor: pointer;
    border: 1px solid var(--line); border-radius: 0.6rem; color: var(--accent); background: none; text-decoration: none; }
  button.danger { color: var(--danger); border-color: currentcolor; }
  :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }`

/** Forms lead to Postern by a redirect, which browsers hold to `form-action` too. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  `form-action 'self' ${new URL(POSTERN_ISSUER).origin}`,
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

const showPage = (response, status, title, parts) => {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'cache-control': 'no-store',
  })
  const page = html`<!doctype html>
    <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
    <title>${title}</title><style>${new Html(STYLE)}</style></head>
    <body><main><h1>${title}</h1>${parts}</main></body></html>`
  response.end(page.text)
}

const showMessage = (response, status, text) =>
  showPage(response, status, text, [html`<p><a class="button" href="/">Go on</a></p>`])

const redirect = (response, location) => response.writeHead(303, { location }).end()

// Requests.

const FOR_ANYBODY = { 'GET /': showHome, 'GET /sign-in': signIn, 'GET /callback': callback }
const FOR_USERS = {
  'GET /danger': askDanger,
  'POST /danger': doDanger,
  'POST /renew': renew,
  'POST /sign-out': signOut,
}

const answer = async (request, response) => {
  const url = new URL(request.url, BASE_URL)
  const sessionId = sessionIdOf(request)
  const session = sessions.get(sessionId) ?? null
  const user = session?.user ?? null
  const route = `${request.method} ${url.pathname}`
  const context = { url, response, sessionId, session, user }
  // A form of another site does nothing here, whatever cookies the browser sends along.
  if (request.method === 'POST' && request.headers.origin !== new URL(BASE_URL).origin)
    return showMessage(response, 403, 'This form is from another site.')
  if (FOR_ANYBODY[route]) return FOR_ANYBODY[route](context)
  if (!FOR_USERS[route]) return showMessage(response, 404, 'There is nothing here.')
  return user ? FOR_USERS[route](context) : redirect(response, '/')
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    // What the user did not allow, or Postern refused, is said; anything else is for the log.
    const isAnswer =
      error instanceof oidc.AuthorizationResponseError || error instanceof oidc.ResponseBodyError
    if (!isAnswer) console.error(error)
    const text = isAnswer
      ? `Signing in failed: ${error.error_description ?? error.error}`
      : 'Something went wrong.'
    showMessage(response, isAnswer ? 400 : 500, text)
  })
})

server.listen(Number(PORT), 'localhost', () => console.log(`The web application is ready on ${BASE_URL}`))
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(0))
