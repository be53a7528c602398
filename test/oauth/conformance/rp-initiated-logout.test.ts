// The modules of the suite's plan oidcc-rp-initiated-logout-certification-test-plan, each as a test of its name
// (OpenID Connect RP-Initiated Logout 1.0).
import { generateKeyPair, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { onBothEngines } from '../../support/embedded.ts'
import type { Visited } from '../../support/form-browser.ts'
import {
  ask,
  authorize,
  checkedResponse,
  newVisitor,
  openSetting,
  type Parameters,
  POST_LOGOUT,
  type Setting,
  type Visitor,
} from '../../support/relying-party.ts'

const skip = onBothEngines()

const STATE = 'the state of the logout request'

type Hint = (idToken: string) => Promise<string> | string
const itself: Hint = (idToken) => idToken

/** Signs in, and sends the browser to sign out. A parameter that is undefined is left out. */
const signOut = async (t: Test, setting: Setting, changed: Parameters, hint: Hint = itself) => {
  const visitor = await newVisitor(setting)
  const { answer } = await authorize(t, setting, visitor)
  const parameters = {
    id_token_hint: await hint(answer.body.id_token),
    post_logout_redirect_uri: POST_LOGOUT,
    state: STATE,
    ...changed,
  }
  const given = Object.entries(parameters).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  const page = await visitor.browser.visit(`/oauth2/logout?${new URLSearchParams(given)}`)
  return { visitor, page }
}

const silently = async (t: Test, setting: Setting, visitor: Visitor) => {
  const asked = await ask(setting, visitor, setting.first, { prompt: 'none' })
  return checkedResponse(t, setting, asked, asked.page)
}

const isSignedOut = async (t: Test, setting: Setting, visitor: Visitor): Promise<void> => {
  t.match(await silently(t, setting, visitor), { error: 'login_required' }, 'the browser is signed out')
}

const isStillSignedIn = async (t: Test, setting: Setting, visitor: Visitor): Promise<void> => {
  t.match(await silently(t, setting, visitor), { code: String }, 'nothing has ended')
}

/** An error, or a question: never a redirect. */
const goesNowhere = (t: Test, { left, html }: Visited): void => {
  t.equal(left, null)
  t.notMatch(html, /http-equiv="?refresh/i)
}

/** The page that asks is answered with yes. */
const confirmed = async (t: Test, { browser }: Visitor, page: Visited): Promise<Visited> => {
  t.equal(page.status, 200)
  if (page.forms.length === 0) return page
  return browser.submit(page)
}

const unsigned: Hint = (idToken) => {
  const header = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url')
  return `${header}.${idToken.split('.')[1]}.`
}

const signedByTheSuite: Hint = async (idToken) => {
  const { privateKey } = await generateKeyPair('RS256')
  const claims = JSON.parse(Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString())
  return new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).sign(privateKey)
}

t.test('RP-Initiated Logout OP', { skip }, async (t) => {
  const setting = await openSetting(t)

  t.test('oidcc-rp-initiated-logout-discovery-endpoint-verification', async (t) => {
    const { body } = await setting.postern.request('GET', '/.well-known/openid-configuration')
    t.equal(body.end_session_endpoint, `${setting.postern.config.issuer}/oauth2/logout`)
  })

  t.test('oidcc-rp-initiated-logout', async (t) => {
    const { visitor, page } = await signOut(t, setting, {})
    t.equal(page.left?.href.split('?')[0], POST_LOGOUT)
    t.strictSame(Object.fromEntries(page.left?.searchParams ?? []), { state: STATE })
    await isSignedOut(t, setting, visitor)
  })

  t.test('oidcc-rp-initiated-logout-no-state', async (t) => {
    const { visitor, page } = await signOut(t, setting, { state: undefined })
    t.equal(page.left?.href, POST_LOGOUT)
    await isSignedOut(t, setting, visitor)
  })

  t.test('oidcc-rp-initiated-logout-no-post-logout-redirect-uri', async (t) => {
    const { visitor, page } = await signOut(t, setting, {
      post_logout_redirect_uri: undefined,
      state: undefined,
    })
    goesNowhere(t, await confirmed(t, visitor, page))
    await isSignedOut(t, setting, visitor)
  })

  for (const [name, state] of [
    ['oidcc-rp-initiated-logout-no-params', undefined],
    ['oidcc-rp-initiated-logout-only-state', STATE],
  ] as const) {
    t.test(name, async (t) => {
      const { visitor, page } = await signOut(t, setting, {
        id_token_hint: undefined,
        post_logout_redirect_uri: undefined,
        state,
      })
      t.equal(page.forms.length, 1, 'anyone could have sent the browser here, so it asks')
      await isStillSignedIn(t, setting, visitor)
      goesNowhere(t, await confirmed(t, visitor, page))
      await isSignedOut(t, setting, visitor)
    })
  }

  for (const [name, changed, hint] of [
    [
      'oidcc-rp-initiated-logout-bad-post-logout-redirect-uri',
      { post_logout_redirect_uri: `${POST_LOGOUT}/bad` },
      itself,
    ],
    [
      'oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri',
      { post_logout_redirect_uri: `${POST_LOGOUT}?foo=bar` },
      itself,
    ],
    ['oidcc-rp-initiated-logout-modified-id-token-hint', {}, unsigned],
    ['oidcc-rp-initiated-logout-bad-id-token-hint', {}, signedByTheSuite],
    ['oidcc-rp-initiated-logout-no-id-token-hint', { id_token_hint: undefined }, itself],
  ] as const) {
    t.test(name, async (t) => {
      const { visitor, page } = await signOut(t, setting, changed, hint)
      goesNowhere(t, page)
      await isStillSignedIn(t, setting, visitor)
    })
  }
})
