// The modules of the suite's plan oidcc-basic-certification-test-plan, each as a test of its name with what it requires.
// The suite itself is run by `npm run conformance`.
import t from 'tap'
import { onBothEngines } from '../../support/embedded.ts'
import { openSetting } from '../../support/relying-party.ts'
import { CLAIMS_MODULES } from './claims-modules.ts'
import { CODE_MODULES } from './code-modules.ts'
import { PROMPT_MODULES } from './prompt-modules.ts'
import { REQUEST_OBJECT_MODULES } from './request-object-modules.ts'

const skip = onBothEngines()

const MODULES = { ...CODE_MODULES, ...PROMPT_MODULES, ...CLAIMS_MODULES, ...REQUEST_OBJECT_MODULES }

t.test('Basic OP', { skip }, async (t) => {
  const setting = await openSetting(t)
  t.equal(Object.keys(MODULES).length, 38)
  for (const [name, module] of Object.entries(MODULES)) await t.test(name, (t) => module(t, setting))
})
