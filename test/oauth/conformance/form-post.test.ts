// The modules of the suite's plan oidcc-formpost-basic-certification-test-plan: those of Basic OP, each with
// response_mode=form_post. That nothing is in the address then, `checkedResponse` asserts of each answer.
import t from 'tap'
import { onBothEngines } from '../../support/embedded.ts'
import { ask, newVisitor, openSetting } from '../../support/relying-party.ts'
import { CLAIMS_MODULES } from './claims-modules.ts'
import { CODE_MODULES } from './code-modules.ts'
import { PROMPT_MODULES } from './prompt-modules.ts'
import { REQUEST_OBJECT_MODULES } from './request-object-modules.ts'

const skip = onBothEngines()

const MODULES = { ...CODE_MODULES, ...PROMPT_MODULES, ...CLAIMS_MODULES, ...REQUEST_OBJECT_MODULES }

t.test('Form Post OP', { skip }, async (t) => {
  const setting = await openSetting(t, 'form_post')
  for (const [name, module] of Object.entries(MODULES)) await t.test(name, (t) => module(t, setting))

  t.test('the page with the answer is not kept, and sends nothing but to the client', async (t) => {
    const { page } = await ask(setting, await newVisitor(setting), setting.first, { prompt: 'none' })
    t.match(page.headers, { 'cache-control': 'no-store' })
    t.match(page.headers['content-security-policy'], /form-action [^;]*https:\/\/suite\.example/)
    t.notMatch(page.headers['content-security-policy'], /unsafe-inline/)
  })
})
