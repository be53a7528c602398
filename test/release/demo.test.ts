// The demo, as a newcomer runs it: against a server of its own, and against one that runs already.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { VARIABLES } from '../../src/config.ts'
import { missingBrowser, openBrowser } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { startPostern } from '../support/postern-process.ts'
import { freePort, temporaryFolder } from '../support/server-process.ts'

const run = promisify(execFile)
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const DEMO = fileURLToPath(new URL('../../scripts/demo.ts', import.meta.url))

type Run = { code: number; out: string; err: string }

/** Runs the demo without a terminal, and without this run's own settings. */
const runDemo = (args: string[], environment: Record<string, string> = {}): Promise<Run> => {
  const inherited = Object.entries(process.env).filter(([name]) => !(name in VARIABLES))
  return new Promise((resolve) => {
    const env = { ...Object.fromEntries(inherited), NO_COLOR: '1', ...environment }
    const child = execFile(process.execPath, [DEMO, ...args], { env }, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    )
  })
}

/** What each step has to show for itself, in the order of the story. */
const MILESTONES = [
  /POST \/v1\/admin\/accounts 201/,
  /POST \/v1\/login 200 authenticated\n.*aal1, pwd/,
  /POST \/v1\/me\/authenticators\/totp 201\n(.*[▀▄█].*\n){15,}/,
  /secret +[A-Z2-7]{32}/,
  /confirm 200 authenticated\n.*recovery codes .* 10 in all/,
  /POST \/v1\/login 200 challenge_required\n.*pst_ch_/,
  /POST \/v1\/challenges\/verify 200 authenticated/,
  /access_token +eyJ/,
  /aal2, pwd otp mfa/,
  /✓ signature, issuer, audience, type and lifetime are right/,
  /✓ the same token with another role written into it is refused/,
  /verify 401 invalid_code\n.*✓ a code is good once; 4 attempts remain/,
  /✓ signed in; 9 recovery codes remain/,
  /POST \/oauth2\/token 200/,
  /POST \/v1\/logout 204/,
  /GET \/v1\/me 401 invalid_token/,
  /POST \/oauth2\/token 400 invalid_grant/,
  /DELETE \/v1\/admin\/accounts\/[\w-]+ 204/,
  /Every step ended as it should\.\n$/,
]

const assertWholeStory = (t: Test, out: string): void => {
  let rest = out
  for (const milestone of MILESTONES) {
    const found = milestone.exec(rest)
    t.ok(found, `${milestone} is there, in this order`, { rest: rest.slice(0, 500) })
    rest = rest.slice((found?.index ?? 0) + (found?.[0].length ?? 0))
  }
}

t.test('the demo runs the whole story with a server of its own, and leaves nothing behind', async (t) => {
  const folder = join(temporaryFolder('demo'), 'tmp')
  await mkdir(folder)
  const { code, out, err } = await runDemo(['--own'], { TMPDIR: folder })

  t.equal(code, 0, err)
  assertWholeStory(t, out)
  t.same(await readdir(folder), [], 'neither a data folder nor a socket')
})

t.test('against a server that runs already', async (t) => {
  const password = 'a password of some length'
  const dataDir = join(temporaryFolder('demo'), 'data')
  const postern = await startPostern({
    POSTERN_DATA_DIR: dataDir,
    POSTERN_ADMIN_PASSWORD: password,
    LOG_LEVEL: 'warn',
  })
  const { url } = postern
  t.teardown(() => postern.stop())

  let recoveryCode = ''
  await t.test('it says what it needs', async (t) => {
    const withoutPassword = await runDemo(['--url', url])
    t.equal(withoutPassword.code, 1)
    t.match(withoutPassword.err, /✗ The demo needs the password of "admin": set POSTERN_ADMIN_PASSWORD/)

    const wrong = await runDemo([], { POSTERN_URL: url, POSTERN_ADMIN_PASSWORD: 'not this one, surely' })
    t.equal(wrong.code, 1)
    t.match(wrong.err, /✗ The password of "admin" is not the right one/)
  })

  await t.test('it enrolls the administrator, and says what to keep; then that is asked for', async (t) => {
    const first = await runDemo(['--url', url], { POSTERN_ADMIN_PASSWORD: password })
    t.equal(first.code, 0, first.err)
    assertWholeStory(t, first.out)
    const [, secret = ''] = /DEMO_ADMIN_TOTP_SECRET=([A-Z2-7]{32})/.exec(first.out) ?? []
    const recoveryCodes = [...first.out.matchAll(/recovery code {3}([0-9A-Z]{4}(-[0-9A-Z]{4}){3})/g)]
    t.equal(recoveryCodes.length, 10 + 1, 'ten of the administrator, and the one that the story uses')
    recoveryCode = recoveryCodes[0]?.[1] ?? ''

    const withoutCode = await runDemo(['--url', url], { POSTERN_ADMIN_PASSWORD: password })
    t.equal(withoutCode.code, 1)
    t.match(withoutCode.err, /✗ The administrator has a second factor.*DEMO_ADMIN_TOTP_SECRET/)

    const again = await runDemo(['--url', url], {
      POSTERN_ADMIN_PASSWORD: password,
      DEMO_ADMIN_TOTP_SECRET: secret,
    })
    t.equal(again.code, 0, again.err)
    assertWholeStory(t, again.out)
  })

  await t.test('where a step fails, it says which one, and tidies up all the same', async (t) => {
    const environment = { POSTERN_ADMIN_PASSWORD: password, DEMO_ADMIN_CODE: recoveryCode }
    const cli = (...args: string[]) =>
      run(process.execPath, [MAIN, ...args], { env: { ...process.env, POSTERN_DATA_DIR: dataDir } })
    await cli('policy', 'change', '{"enabled": false}')
    const { code, out, err } = await runDemo(['--url', url], environment)

    t.equal(code, 1)
    t.match(err, /✗ A challenge was due, and the answer is authenticated\.\n$/)
    t.notMatch(out, /Every step ended as it should/)
    const { stdout } = await cli('account', 'list', '--json')
    t.same(
      JSON.parse(stdout).map(({ username }: { username: string }) => username),
      ['admin'],
    )
  })
})

t.test('where it cannot begin, it says so in one line', async (t) => {
  const nobody = await runDemo(['--url', `http://127.0.0.1:${await freePort()}`])
  t.equal(nobody.code, 1)
  t.match(nobody.err, /✗ No Postern answers at http/)

  const unknown = await runDemo(['--nonsense'])
  t.equal(unknown.code, 1)
  t.match(unknown.err, /Unknown option '--nonsense'[\s\S]*Usage: npm run demo/)
})

/** Starts it and waits until it says what to click. */
const startBrowserDemo = async (folder: string) => {
  const inherited = Object.entries(process.env).filter(([name]) => !(name in VARIABLES))
  const env = { ...Object.fromEntries(inherited), NO_COLOR: '1', TMPDIR: folder }
  const child = spawn(process.execPath, [DEMO, '--browser'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.on('data', (chunk) => (out += chunk))
  const exited = once(child, 'exit')
  await eventually(60_000, () => out.includes('Ctrl+C stops both'))
  const member = (name: string): string => new RegExp(`^ +${name} +(\\S+)`, 'm').exec(out)?.[1] ?? ''
  return { child, exited, member }
}

t.test(
  'with --browser it starts an application too, which a browser goes through, until Ctrl+C',
  { skip: missingBrowser() },
  async (t) => {
    const folder = join(temporaryFolder('demo'), 'tmp')
    await mkdir(folder)
    const { child, exited, member } = await startBrowserDemo(folder)
    t.teardown(() => child.kill('SIGKILL'))
    const chromium = await openBrowser()
    t.teardown(() => chromium.close())
    const page = await chromium.newPage()
    const codesOf = async () => [...(await (await fetch(member('code'))).text()).matchAll(/<b>(\d{6})/g)]
    const signIn = async (which: 0 | 1) => {
      await page.fill('[name=username]', member('user name'))
      await page.fill('[name=password]', member('password'))
      await page.press('[name=password]', 'Enter')
      const code = (await codesOf())[which]?.[1] ?? ''
      await page.waitForSelector('[name=code]')
      await page.fill('[name=code]', code)
      // The page sends a full field by itself.
      await page.press('[name=code]', 'Enter').catch(() => {})
    }
    await page.goto(member('application'))
    await page.click('text=Sign in')
    await signIn(0)
    await page.click('[name=decision][value=allow]')
    await page.waitForSelector('text=Hello, Ada Lovelace')
    t.match(await page.textContent('table'), /"mfa"/)
    await page.click('text=Renew')
    await page.waitForSelector('text=Hello, Ada Lovelace')
    await page.click('text=Delete everything')
    await signIn(1)
    await page.click('text=Delete everything now')
    await page.waitForSelector('text=Everything is deleted')
    await page.click('text=Go on')
    await page.click('text=Sign out')
    await page.waitForSelector('text=It has no users')

    child.kill('SIGINT')
    t.same(await exited, [0, null])
    t.same(await readdir(folder), [], 'nothing is left behind')
    await t.rejects(fetch(member('application')), 'the application has ended with it')
  },
)

t.test('--browser takes no server of others', async (t) => {
  const { code, err } = await runDemo(['--browser', '--url', 'http://localhost:8400'])
  t.equal(code, 1)
  t.match(err, /--browser starts a server of its own/)
})
