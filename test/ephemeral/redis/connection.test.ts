import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { Redis } from 'ioredis'
import t from 'tap'
import { openClient } from '../../../src/ephemeral/redis/connection.ts'
import { openRedisEphemeral } from '../../../src/ephemeral/redis/redis.ts'
import { redisAsker } from '../../../src/ephemeral/redis/scripts.ts'
import { parseRedisUrl } from '../../../src/ephemeral/redis/url.ts'
import { findProgram, freePort, runServer, temporaryFolder } from '../../support/server-process.ts'
import { missingServer, startRedis } from '../../support/servers.ts'
import { newAccountId, openSession, quiet } from '../fixtures.ts'

const skip = missingServer('redis')

t.test('through Sentinel, the master is found', { skip }, async (t) => {
  const master = await startRedis('--requirepass', 'secret')
  t.teardown(() => master.stop())
  const folder = temporaryFolder('sentinel')
  const port = await freePort()
  const settings = join(folder, 'sentinel.conf')
  const lines = [
    `port ${port}`,
    'requirepass secret',
    `sentinel monitor main 127.0.0.1 ${master.port} 1`,
    'sentinel auth-pass main secret',
  ]
  writeFileSync(settings, lines.join('\n'))
  const sentinel = await runServer({
    port,
    folder,
    url: `redis+sentinel://default:secret@127.0.0.1:1,127.0.0.1:${port}/main/2`,
    command: findProgram('redis-server') ?? '',
    args: [settings, '--sentinel'],
    stopSignal: 'SIGTERM',
    user: null,
    probe: async () => {},
  })
  t.teardown(() => sentinel.stop())
  const ephemeral = await openRedisEphemeral({ url: sentinel.url, log: quiet, readyTimeoutMs: 5000 })
  t.teardown(() => ephemeral.close())
  t.ok(await openSession(ephemeral, newAccountId()))
  const heard = new Promise((resolve) => ephemeral.changes.subscribe(resolve))
  await ephemeral.changes.publish('clients')
  t.equal(await heard, 'clients')
})

const openssl = findProgram('openssl') ? false : 'skipped: openssl is not installed'

t.test('over TLS, a certificate that nobody vouches for is refused', { skip: skip || openssl }, async (t) => {
  const folder = temporaryFolder('tls')
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  execFileSync(
    'openssl',
    ['req', '-x509', ...curve, '-nodes', '-keyout', key, '-out', certificate, ...subject],
    {
      stdio: 'ignore',
    },
  )
  const port = await freePort()
  const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate]
  const redis = await startRedis('--tls-port', `${port}`, '--tls-auth-clients', 'no', ...files)
  t.teardown(() => redis.stop())
  const open = () =>
    openRedisEphemeral({ url: `rediss://127.0.0.1:${port}`, log: quiet, readyTimeoutMs: 1000 })
  await t.rejects(open(), { name: 'DependencyError', message: /self-signed certificate/ })
  setDefaultCACertificates([...getCACertificates(), readFileSync(certificate, 'utf8')])
  const ephemeral = await open()
  t.teardown(() => ephemeral.close())
  t.ok(await openSession(ephemeral, newAccountId()))
})

t.test('a Redis URL that cannot be read is an error at once', async (t) => {
  await t.rejects(openRedisEphemeral({ url: 'http://localhost', log: quiet }), /begins with redis:/)
})

t.test('what is asked in one turn is sent in one write, turn after turn', { skip }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const client = await openClient(parseRedisUrl(redis.url), quiet, 5000)
  t.teardown(() => client.disconnect())
  if (!(client instanceof Redis)) return t.fail('not one server')
  const ask = redisAsker(client)
  const { stream } = client
  const writev = stream._writev
  const together: number[] = []
  stream._writev = (chunks, done) => {
    together.push(chunks.length)
    writev?.call(stream, chunks, done)
  }
  const alone = t.capture(stream, '_write', stream._write)
  for (let turn = 0; turn < 3; turn += 1) {
    await Promise.all(['a', 'b', 'c'].map((key) => ask(() => client.set(key, turn))))
    t.strictSame(await ask(() => client.mget('a', 'b', 'c')), Array(3).fill(`${turn}`))
  }
  t.strictSame(together, [3, 3, 3])
  t.equal(alone().length, 3)
})
