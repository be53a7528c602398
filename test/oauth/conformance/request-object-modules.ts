// Modules of the suite's Basic OP plan about request objects, which are refused by their names (OpenID Connect Core 3.1.2.6).
import type { Test } from 'tap'
import {
  ask,
  CALLBACK,
  checkedResponse,
  newVisitor,
  type Parameters,
  requestParameters,
  responseOf,
  type Setting,
} from '../../support/relying-party.ts'
import type { Modules } from './module.ts'

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')

const unsigned = (setting: Setting, changed: Parameters = {}): string =>
  `${encode({ alg: 'none' })}.${encode(requestParameters(setting, setting.first, changed))}.`

const discovery = async ({ postern }: Setting) =>
  (await postern.request('GET', '/.well-known/openid-configuration')).body

const isRefused = async (t: Test, setting: Setting, changed: Parameters, error: string): Promise<void> => {
  const asked = await ask(setting, await newVisitor(setting), setting.first, changed)
  const answered = checkedResponse(t, setting, asked, asked.page)
  t.match(answered, { error })
  t.notOk('code' in answered)
}

export const REQUEST_OBJECT_MODULES: Modules = {
  'oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported': async (t, setting) => {
    await isRefused(
      t,
      setting,
      { request_uri: 'https://suite.example/request.jwt' },
      'request_uri_not_supported',
    )
    // Its default is true.
    t.equal((await discovery(setting)).request_uri_parameter_supported, false)
  },

  'oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported': async (t, setting) => {
    const { clientId } = setting.first
    // Beside the object there is only what OAuth itself needs, so that the response mode is in the object alone.
    const query = { client_id: clientId, redirect_uri: CALLBACK, response_type: 'code', scope: 'openid' }
    const { browser } = await newVisitor(setting)
    const request = unsigned(setting)
    const page = await browser.visit(`/oauth2/authorize?${new URLSearchParams({ ...query, request })}`)
    const parameters = { ...query, response_mode: setting.responseMode }
    t.match(checkedResponse(t, setting, { parameters, page }, page), { error: 'request_not_supported' })
    t.notOk((await discovery(setting)).request_parameter_supported)
  },

  'oidcc-ensure-request-object-with-redirect-uri': async (t, setting) => {
    const request = unsigned(setting)
    await isRefused(t, setting, { request }, 'request_not_supported')
    const elsewhere = { request, redirect_uri: `${CALLBACK}/not-registered` }
    const { page } = await ask(setting, await newVisitor(setting), setting.first, elsewhere)
    t.equal(page.status, 400)
    t.equal(responseOf(page), null, 'and nothing is sent to one that is not registered')
  },
}
