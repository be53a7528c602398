// Modules of the suite's Basic OP plan about when its user is asked to sign in, and when not.
import { decodeJwt } from 'jose'
import type { Test } from 'tap'
import {
  answerPages,
  ask,
  authorize,
  checkedResponse,
  codeGrant,
  newVisitor,
  type Parameters,
  redeem,
  type Setting,
  type Visitor,
  verifyIdToken,
} from '../../support/relying-party.ts'
import type { Modules } from './module.ts'

/** Asked again in the same browser, where nothing may be shown. */
const answeredAtOnce = async (t: Test, setting: Setting, visitor: Visitor, changed: Parameters) => {
  const asked = await ask(setting, visitor, setting.first, changed)
  const { code = '' } = checkedResponse(t, setting, asked, asked.page)
  const { body } = await redeem(setting, setting.first, codeGrant(code))
  return (await verifyIdToken(setting, setting.first, body.id_token)).claims
}

/** Asked again in the same browser, where its user has to sign in. */
const askedToSignIn = async (t: Test, setting: Setting, visitor: Visitor, changed: Parameters) => {
  const asked = await ask(setting, visitor, setting.first, changed)
  t.ok('password' in (asked.page.forms[0]?.fields ?? {}), 'the password is asked for')
  const { code = '' } = checkedResponse(t, setting, asked, await answerPages(setting, visitor, asked.page))
  const { body } = await redeem(setting, setting.first, codeGrant(code))
  return (await verifyIdToken(setting, setting.first, body.id_token)).claims
}

export const PROMPT_MODULES: Modules = {
  'oidcc-prompt-login': async (t, setting) => {
    const visitor = await newVisitor(setting, 'second_factor')
    const { claims } = await authorize(t, setting, visitor)
    setting.postern.advance(1)
    const again = await askedToSignIn(t, setting, visitor, { prompt: 'login' })
    t.equal(again.sub, claims.sub)
    t.ok(Number(again.auth_time) > Number(claims.auth_time), 'a later authentication')
  },

  'oidcc-prompt-none-not-logged-in': async (t, setting) => {
    const asked = await ask(setting, await newVisitor(setting), setting.first, { prompt: 'none' })
    const answered = checkedResponse(t, setting, asked, asked.page)
    t.match(answered, { error: 'login_required' })
    t.notOk('code' in answered)
  },

  'oidcc-prompt-none-logged-in': async (t, setting) => {
    const visitor = await newVisitor(setting)
    const { claims } = await authorize(t, setting, visitor)
    setting.postern.advance(1)
    const again = await answeredAtOnce(t, setting, visitor, { prompt: 'none' })
    t.match(again, { sub: claims.sub, auth_time: claims.auth_time })
  },

  'oidcc-max-age-1': async (t, setting) => {
    const visitor = await newVisitor(setting)
    const { claims } = await authorize(t, setting, visitor)
    setting.postern.advance(2)
    const again = await askedToSignIn(t, setting, visitor, { max_age: '1' })
    t.equal(again.sub, claims.sub)
    t.ok(Number(again.auth_time) > Number(claims.auth_time), 'a later authentication')
    t.ok(setting.postern.now().getTime() / 1000 - Number(again.auth_time) < 5, 'and a recent one')
  },

  'oidcc-max-age-10000': async (t, setting) => {
    const visitor = await newVisitor(setting)
    const { claims } = await authorize(t, setting, visitor, { max_age: '15000' })
    t.type(claims.auth_time, 'number')
    setting.postern.advance(1)
    const again = await answeredAtOnce(t, setting, visitor, { max_age: '10000' })
    t.match(again, { sub: claims.sub, auth_time: claims.auth_time })
  },

  'oidcc-id-token-hint': async (t, setting) => {
    const visitor = await newVisitor(setting)
    const { answer, claims } = await authorize(t, setting, visitor)
    setting.postern.advance(1)
    const hint = { prompt: 'none', id_token_hint: answer.body.id_token }
    const again = await answeredAtOnce(t, setting, visitor, hint)
    t.match(again, { sub: claims.sub, auth_time: claims.auth_time })

    const stranger = await newVisitor(setting)
    const { answer: other } = await authorize(t, setting, stranger)
    t.not(decodeJwt(other.body.id_token).sub, claims.sub)
    const asked = await ask(setting, stranger, setting.first, hint)
    t.match(checkedResponse(t, setting, asked, asked.page), { error: 'login_required' }, 'of another user')
  },
}
