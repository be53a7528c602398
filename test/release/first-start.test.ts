// A first start that fails for a reason its user can mend, and the one after it.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { eventually } from '../support/eventually.ts'
import { startPostern } from '../support/postern-process.ts'
import { freePort, temporaryFolder } from '../support/server-process.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** Runs `postern serve` until it ends by itself. */
const serve = (
  environment: Record<string, string>,
): Promise<{ code: number | null; out: string; err: string }> =>
  new Promise((resolve) => {
    const env = { ...process.env, HOST: '127.0.0.1', ...environment }
    const child = execFile(process.execPath, [MAIN, 'serve'], { env }, (_error, out, err) =>
      resolve({ code: child.exitCode, out, err }),
    )
  })

t.test('a first start whose port is taken can be started again', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const address = taken.address()
  const port = typeof address === 'object' && address ? `${address.port}` : ''
  const folder = { POSTERN_DATA_DIR: join(temporaryFolder('first-start'), 'data') }

  const failed = await serve({ ...folder, PORT: port })
  t.equal(failed.code, 1)
  t.match(failed.err, `${port} is in use`)
  const [, password = ''] = /the password is shown this once:[\s\S]*password +(\S+)/.exec(failed.out) ?? []
  t.match(password, /^[\w-]{27}$/, 'its password is not lost')

  const postern = await startPostern(folder)
  t.notMatch(postern.output(), /The first administrator was made/)
  const answer = await fetch(`${postern.url}/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'admin', password }),
  })
  t.equal(answer.status, 200)
  t.equal(await postern.stop(), 0)
})

t.test('a first start whose administrator has a poor password can be started again', async (t) => {
  const folder = { POSTERN_DATA_DIR: join(temporaryFolder('first-start'), 'data') }

  const failed = await serve({ ...folder, PORT: `${await freePort()}`, POSTERN_ADMIN_PASSWORD: 'password1' })
  t.equal(failed.code, 1)
  t.match(failed.err, /POSTERN_ADMIN_PASSWORD: got a value that is not shown; .* most common/)
  const postern = await startPostern({ ...folder, POSTERN_ADMIN_PASSWORD: 'a password of some length' })
  t.match(postern.output(), /The first administrator was made:/)
  t.equal(await postern.stop(), 0)
})

t.test('a first start that gets a signal finishes first, and can be started again', async (t) => {
  const folder = { POSTERN_DATA_DIR: join(temporaryFolder('first-start'), 'data') }
  const env = { ...process.env, HOST: '127.0.0.1', PORT: '0', ...folder }
  const child = spawn(process.execPath, [MAIN, 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (text) => {
    output += text
  })
  const begun = () => existsSync(join(folder.POSTERN_DATA_DIR, 'postgres'))
  t.ok(await eventually(20_000, begun))
  child.kill('SIGTERM')
  const [code] = await once(child, 'close')
  t.equal(code, 0, output)
  t.match(output, /The first administrator was made/, 'whose password is not lost')

  const postern = await startPostern(folder)
  t.equal(await postern.stop(), 0)
})
