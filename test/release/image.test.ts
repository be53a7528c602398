// The image as it is shipped: really built from the Dockerfile, and really run.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { parseDockerfile } from '../support/dockerfile.ts'
import { eventually } from '../support/eventually.ts'
import { missingForImage, openEngine } from '../support/image.ts'
import { freePort } from '../support/server-process.ts'

const IMAGE = 'localhost/postern-check'
const PASSWORD = 'a password of some length'
// As compose.yaml runs it.
const HARDENED = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges']

const logIn = (url: string): Promise<Response> =>
  fetch(`${url}/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'admin', password: PASSWORD }),
  })

t.test('the image', { skip: missingForImage(), timeout: 1_200_000 }, async (t) => {
  t.setTimeout(1_200_000)
  const engine = await openEngine(t)
  const base = parseDockerfile(readFileSync('Dockerfile', 'utf8'))[0]?.from ?? ''
  await engine.build(`docker.io/library/${base}`, IMAGE)

  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const variables = { HOST: '127.0.0.1', PORT: `${port}`, POSTERN_ADMIN_PASSWORD: PASSWORD }
  const id = await engine.start(IMAGE, variables, ...HARDENED)
  const inside = (...command: string[]) => engine.podman('exec', id, ...command)
  const isReady = () =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )

  await t.test('serves, and says that it is healthy', async (t) => {
    const isServing = await eventually(60_000, isReady)
    t.ok(isServing, 'is ready', { output: await engine.podman('logs', id) })
    t.equal((await fetch(`${url}/healthz`)).status, 200)
    await t.resolves(engine.podman('healthcheck', 'run', id))
  })

  await t.test('signs its first administrator in', async (t) => {
    const answer = await logIn(url)
    t.equal(answer.status, 200)
    t.match(await answer.json(), { status: 'enrollment_required' })
  })

  await t.test('runs as a user without privileges, and keeps what it writes to that user', async (t) => {
    t.equal((await inside('id', '--user', '--name')).trim(), 'node')
    t.match(await inside('cat', '/proc/1/status'), /^CapEff:\s+0+$/m)
    t.match(await inside('stat', '--format=%U %a', '/data', '/data/encryption.key'), /^node 700\nnode 600$/m)
  })

  await t.test('writes nowhere but to its data folder and to temporary ones', async (t) => {
    await t.rejects(inside('touch', '/app/written'), /Read-only file system/)
    await t.rejects(inside('touch', '/home/node/written'), /Read-only file system/)
  })

  await t.test('has no package that only development needs', async (t) => {
    await t.rejects(inside('ls', '/app/node_modules/tap'), /No such file/)
    await t.rejects(inside('ls', '/app/src'), /No such file/)
  })

  await t.test('stops in order within ten seconds of SIGTERM', async (t) => {
    const begun = performance.now()
    await engine.podman('stop', '--time', '15', id)
    t.ok(performance.now() - begun < 10_000)
    t.equal((await engine.podman('inspect', '--format', '{{.State.ExitCode}}', id)).trim(), '0')
    t.equal(await isReady(), false)
  })
})
