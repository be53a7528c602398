import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import {
  askControlSocket,
  type ControlHandler,
  type ControlRequest,
  controlSocketPath,
  holdControlSocket,
  needsControlSocket,
} from '../../src/command-line/control-socket.ts'
import { DataFolderError } from '../../src/postgres/embedded.ts'

const REQUEST: ControlRequest = {
  arguments: ['account', 'list'],
  password: null,
  user: 'ada',
  encryptionKeyId: null,
}

const dataDirOf = (t: Test): string => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-control-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'data')
}

const collector = () => {
  const lines: string[] = []
  return {
    lines,
    out: (text: string) => lines.push(`out ${text}`),
    err: (text: string) => lines.push(`err ${text}`),
  }
}

const ask = async (dataDir: string, request = REQUEST) => {
  const { lines, ...output } = collector()
  return { code: await askControlSocket(dataDir, request, output), lines }
}

const hold = async (t: Test, dataDir: string, handle: ControlHandler = async () => 0) => {
  const control = await holdControlSocket(dataDir, handle)
  t.teardown(() => control.close())
  return control
}

t.test('a command is run by who holds the folder, with its output and its exit code', async (t) => {
  const dataDir = dataDirOf(t)
  const asked: ControlRequest[] = []
  await hold(t, dataDir, async (request, { out, err }) => {
    asked.push(request)
    out('one\ntwo')
    err('careful')
    await sleep(10)
    out('three')
    return 7
  })
  t.same(await ask(dataDir), { code: 7, lines: ['out one\ntwo', 'err careful', 'out three'] })
  t.same(asked, [REQUEST])
})

t.test('where no process holds the folder, no command is sent', async (t) => {
  const dataDir = dataDirOf(t)
  t.same(await ask(dataDir), { code: null, lines: [] })
  const control = await holdControlSocket(dataDir, async () => 0)
  await control.close()
  t.same(await ask(dataDir), { code: null, lines: [] })
  t.notOk(existsSync(controlSocketPath(dataDir)), 'nothing is left of it')
})

t.test('only the same user can connect', async (t) => {
  const dataDir = dataDirOf(t)
  await hold(t, dataDir)
  t.equal(statSync(controlSocketPath(dataDir)).mode & 0o777, 0o600)
  t.equal(statSync(dataDir).mode & 0o777, 0o700)
})

t.test('a second process learns who has the folder and what to do', async (t) => {
  const dataDir = dataDirOf(t)
  await hold(t, dataDir)
  const refused = await holdControlSocket(dataDir, async () => 0).catch((error: Error) => error)
  t.ok(refused instanceof DataFolderError)
  t.match(String(refused), /Another Postern has the data folder .* open/)
  t.match(String(refused), /POSTERN_DATA_DIR.*DATABASE_URL and REDIS_URL/)
  t.equal((await ask(dataDir)).code, 0, 'the first still holds it')
})

/** What a crashed process leaves: a socket file that nobody listens on. */
const leaveStale = async (path: string): Promise<void> => {
  mkdirSync(dirname(path), { recursive: true })
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  await once(spawn(process.execPath, ['-e', script]), 'exit')
}

t.test('a socket that a crashed process left is replaced', async (t) => {
  const dataDir = dataDirOf(t)
  await leaveStale(controlSocketPath(dataDir))
  t.ok(existsSync(controlSocketPath(dataDir)))
  t.equal((await ask(dataDir)).code, null)
  await hold(t, dataDir)
  t.equal((await ask(dataDir)).code, 0)
})

t.test('of many that start at once after a crash, exactly one holds the folder', async (t) => {
  for (let round = 0; round < 5; round += 1) {
    const dataDir = dataDirOf(t)
    await leaveStale(controlSocketPath(dataDir))
    const held = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => holdControlSocket(dataDir, async () => index)),
    )
    const winners = held.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    t.equal(winners.length, 1)
    t.equal(held[(await ask(dataDir)).code ?? -1]?.status, 'fulfilled', 'and it is the one that answers')
    for (const winner of winners) await winner.close()
  }
})

t.test('a folder whose path is too long has its socket in a private temporary folder', async (t) => {
  const dataDir = join(dataDirOf(t), 'a'.repeat(60), 'b'.repeat(60))
  const path = controlSocketPath(dataDir)
  t.teardown(() => rmSync(dirname(path), { recursive: true, force: true }))
  t.ok(Buffer.byteLength(path) <= 100, path)
  t.equal(dirname(dirname(path)), tmpdir())
  t.not(path, controlSocketPath(`${dataDir}c`), 'another for another folder')
  await hold(t, dataDir, async () => 3)
  t.equal(statSync(dirname(path)).mode & 0o777, 0o700)
  t.equal((await ask(dataDir)).code, 3)
})

t.test('a temporary folder that others can enter is not trusted with a password', async (t) => {
  const dataDir = join(dataDirOf(t), 'a'.repeat(60), 'c'.repeat(60))
  const path = controlSocketPath(dataDir)
  const folder = dirname(path)
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(folder, { mode: 0o777 })
  chmodSync(folder, 0o777)
  await t.rejects(
    holdControlSocket(dataDir, async () => 0),
    { name: 'DataFolderError', message: /not a private folder/ },
  )

  const stranger = createServer(() => t.fail('it was spoken to')).listen(path)
  t.teardown(() => stranger.close())
  await t.rejects(ask(dataDir), { message: /not a private folder/ })
})

t.test('what is not a folder cannot be held', async (t) => {
  const dataDir = dataDirOf(t)
  writeFileSync(dataDir, 'a file')
  await t.rejects(
    holdControlSocket(dataDir, async () => 0),
    { name: 'DataFolderError', message: /cannot be made/ },
  )
  t.equal((await ask(dataDir)).code, null)
})

t.test('a socket that cannot be reached or made says so', async (t) => {
  const dataDir = dataDirOf(t)
  mkdirSync(dataDir)
  symlinkSync('control.sock', controlSocketPath(dataDir))
  await t.rejects(ask(dataDir), { name: 'DataFolderError', message: /cannot be reached \(ELOOP\)/ })
})

t.test('once drained, it refuses commands, and waits for those that run', async (t) => {
  const dataDir = dataDirOf(t)
  const released = Promise.withResolvers<number>()
  const running = Promise.withResolvers<void>()
  const control = await hold(t, dataDir, () => {
    running.resolve()
    return released.promise
  })
  const first = ask(dataDir)
  await running.promise
  let isDrained = false
  const drained = control.drain().then(() => {
    isDrained = true
  })
  t.match(await ask(dataDir), { code: 1, lines: [/^err Postern is closing/] })
  t.notOk(isDrained)
  released.resolve(4)
  t.equal((await first).code, 4)
  await drained
})

t.test('a process that ends in the middle of a command is reported', async (t) => {
  const dataDir = dataDirOf(t)
  mkdirSync(dataDir)
  const server = createServer((socket) => {
    socket.end(`${JSON.stringify({ out: 'begun' })}\n`)
  }).listen(controlSocketPath(dataDir))
  t.teardown(() => server.close())
  t.match(await ask(dataDir), { code: 1, lines: ['out begun', /went away before/] })
})

t.test('malformed or large requests, and a caller that leaves at once, do no harm', async (t) => {
  const dataDir = dataDirOf(t)
  await hold(t, dataDir, async () => 5)
  const path = controlSocketPath(dataDir)
  for (const sent of ['', 'nonsense', 'x'.repeat(2 * 1024 * 1024)]) {
    const socket = connect(path)
    socket.on('error', () => {})
    socket.end(sent)
    socket.resume()
    await new Promise((resolve) => socket.once('close', resolve))
  }
  connect(path).destroy()
  t.equal((await ask(dataDir)).code, 5)
})

t.test('a command that fails with a defect still ends the connection', async (t) => {
  const dataDir = dataDirOf(t)
  await hold(t, dataDir, async () => {
    throw new Error('unforeseen')
  })
  t.match(await ask(dataDir), { code: 1, lines: [/went away/] })
})

t.test('the socket is needed where state is in one process', async (t) => {
  const both = { databaseUrl: 'postgres://x', redisUrl: 'redis://x' }
  t.notOk(needsControlSocket(both))
  t.ok(needsControlSocket({ ...both, redisUrl: null }))
  t.ok(needsControlSocket({ ...both, databaseUrl: null }))
})
