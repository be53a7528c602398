// `npm run conformance`, as far as it goes without the suite: what is missing is named, and what is not explained is bad.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { explain, isBad } from '../scripts/conformance/explanations.ts'
import type { Outcome } from '../scripts/conformance/run-module.ts'
import { temporaryFolder } from './support/server-process.ts'

const SCRIPT = fileURLToPath(new URL('../scripts/conformance.ts', import.meta.url))
/** One of those that the file explains. */
const EXPLAINED = 'oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported'

const outcome = (about: Partial<Outcome>): Outcome => ({
  module: 'oidcc-server',
  result: 'PASSED',
  remarks: [],
  log: [],
  ...about,
})
const warning = { level: 'WARNING', condition: 'CheckSomething', message: 'It is not so.' } as const
const failure = { level: 'FAILURE', condition: 'CheckSomething', message: 'It is not so.' } as const

t.test('a result has to be explained where it is not passed, and a failure cannot be', async (t) => {
  for (const [about, bad] of [
    [{}, false],
    [{ result: 'REVIEW' }, false],
    [{ result: 'SKIPPED' }, true],
    [{ result: 'SKIPPED', module: EXPLAINED }, false],
    [{ result: 'WARNING', remarks: [warning] }, true],
    [{ result: 'REVIEW', remarks: [warning] }, true],
    [{ result: 'WARNING', remarks: [warning], module: EXPLAINED }, true],
    [{ result: 'FAILED', module: EXPLAINED }, true],
    [{ result: 'FAILED', remarks: [failure] }, true],
    [{ result: 'INTERRUPTED' }, true],
  ] as const) {
    t.equal(isBad(outcome(about as Partial<Outcome>)), bad, JSON.stringify(about))
  }
  t.match(explain(outcome({ result: 'SKIPPED', module: EXPLAINED })), /request_not_supported/)
})

const run = (...options: string[]): Promise<{ code: number | null; output: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, ['--no-warnings', SCRIPT, ...options], (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    )
  })

t.test('what is missing is named, with where it comes from', async (t) => {
  const nowhere = join(temporaryFolder('conformance'), 'nowhere')
  const { code, output } = await run('--suite', nowhere)
  t.equal(code, 1)
  t.match(output, /This is missing:/)
  t.match(
    output,
    `a checkout of github.com/openid-certification/conformance-suite: there is none at "${nowhere}"`,
  )
  t.notMatch(output, /\n\s+at /, 'and no stack')
})

t.test('what it does not know is refused with how it is used', async (t) => {
  const { code, output } = await run('--sweet', 'x')
  t.equal(code, 1)
  t.match(output, /Usage: npm run conformance -- --suite DIR/)
})
