// Modules of the suite's Basic OP plan about what is said of the user, and about parameters that must not be in the way.
import type { Test } from 'tap'
import {
  ask,
  authorize,
  newVisitor,
  type Parameters,
  type Setting,
  userinfo,
} from '../../support/relying-party.ts'
import { describeAccount } from '../../support/standard-claims.ts'
import type { Modules } from './module.ts'

const PROFILE = [
  'name',
  'given_name',
  'family_name',
  'middle_name',
  'nickname',
  'preferred_username',
  'profile',
  'picture',
  'website',
  'gender',
  'birthdate',
  'zoneinfo',
  'locale',
  'updated_at',
]
const EMAIL = ['email', 'email_verified']
const PHONE = ['phone_number', 'phone_number_verified']
const ADDRESS = ['address']

/** All that the scopes stand for is at userinfo (OpenID Connect Core 5.4), and nothing else. */
const givesClaims = async (
  t: Test,
  setting: Setting,
  scope: string,
  expected: string[],
): Promise<Record<string, unknown>> => {
  const visitor = await newVisitor(setting)
  await describeAccount(setting, visitor.account)
  const { answer, claims } = await authorize(t, setting, visitor, { scope })
  const { status, body } = await userinfo(setting, answer.body.access_token)
  t.equal(status, 200)
  t.strictSame(Object.keys(body).sort(), ['sub', ...expected].sort())
  t.equal(body.sub, claims.sub)
  return body
}

/** A parameter that is understood or ignored, and never in the way. */
const isNotInTheWay = async (t: Test, setting: Setting, changed: Parameters): Promise<void> => {
  const { answer } = await authorize(t, setting, await newVisitor(setting), changed)
  t.equal((await userinfo(setting, answer.body.access_token)).status, 200)
}

export const CLAIMS_MODULES: Modules = {
  'oidcc-scope-profile': async (t, setting) => {
    const claims = await givesClaims(t, setting, 'openid profile', PROFILE)
    t.match(claims, { name: String, updated_at: Number, birthdate: /^\d{4}-\d\d-\d\d$/ })
  },

  'oidcc-scope-email': async (t, setting) => {
    const claims = await givesClaims(t, setting, 'openid email', EMAIL)
    t.match(claims, { email: String, email_verified: Boolean })
  },

  'oidcc-scope-address': async (t, setting) => {
    const { address } = await givesClaims(t, setting, 'openid address', ADDRESS)
    t.type(address, 'object')
  },

  'oidcc-scope-phone': async (t, setting) => {
    const claims = await givesClaims(t, setting, 'openid phone', PHONE)
    t.match(claims, { phone_number: String, phone_number_verified: Boolean })
  },

  'oidcc-scope-all': async (t, setting) => {
    const expected = [...PROFILE, ...EMAIL, ...PHONE, ...ADDRESS]
    await givesClaims(t, setting, 'openid email phone address profile', expected)
  },

  'oidcc-claims-essential': async (t, setting) => {
    const visitor = await newVisitor(setting)
    await describeAccount(setting, visitor.account)
    const asked = JSON.stringify({ userinfo: { name: { essential: true } } })
    const { answer, claims } = await authorize(t, setting, visitor, { claims: asked })
    const { body } = await userinfo(setting, answer.body.access_token)
    t.match(body, { sub: claims.sub, name: String })
    t.notOk('name' in claims, 'where it was asked for, and nowhere else')
  },

  'oidcc-display-page': (t, setting) => isNotInTheWay(t, setting, { display: 'page' }),
  'oidcc-display-popup': (t, setting) => isNotInTheWay(t, setting, { display: 'popup' }),
  'oidcc-claims-locales': (t, setting) => isNotInTheWay(t, setting, { claims_locales: 'se' }),
  'oidcc-ensure-request-with-unknown-parameter-succeeds': (t, setting) =>
    isNotInTheWay(t, setting, { extra: 'foobar' }),

  'oidcc-ui-locales': async (t, setting) => {
    await isNotInTheWay(t, setting, { ui_locales: 'se' })
    const { page } = await ask(setting, await newVisitor(setting), setting.first, { ui_locales: 'se de' })
    t.match(page.html, /<html lang="de"/, 'the first one that there is')
  },

  'oidcc-login-hint': async (t, setting) => {
    await isNotInTheWay(t, setting, { login_hint: 'buffy@localhost' })
    const { page } = await ask(setting, await newVisitor(setting), setting.first, {
      login_hint: 'buffy@localhost',
    })
    t.equal(page.forms[0]?.fields.username, 'buffy@localhost', 'it is in the form')
  },

  'oidcc-ensure-request-with-acr-values-succeeds': async (t, setting) => {
    const { body } = await setting.postern.request('GET', '/.well-known/openid-configuration')
    const acrValues: string[] = body.acr_values_supported
    const visitor = await newVisitor(setting, 'second_factor')
    const { claims } = await authorize(t, setting, visitor, { acr_values: acrValues.join(' ') })
    t.ok(acrValues.includes(String(claims.acr)), 'one of those that were asked for')
  },
}
