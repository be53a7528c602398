// A first start that fails for a reason its user can mend, and the one after it.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startPostern } from './support/postern-process.ts'
import { freePort, temporaryFolder } from './support/server-process.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** Runs `postern serve` until it ends by itself. */
const serve = (environment: Record<string, string>): Promise<{ code: number | null; err: string }> =>
  new Promise((resolve) => {
    const env = { ...process.env, HOST: '127.0.0.1', ...environment }
    const child = execFile(process.execPath, [MAIN, 'serve'], { env }, (_error, _out, err) =>
      resolve({ code: child.exitCode, err }),
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
  const postern = await startPostern(folder)
  t.match(postern.output(), /The first administrator was made; the password is shown this once/)
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
