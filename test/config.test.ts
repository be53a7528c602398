import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t from 'tap'
import { ConfigError, parseEncryptionKeys, readConfig } from '../src/config.ts'

const KEY = Buffer.alloc(32, 1).toString('base64')

const problemsOf = (environment: Record<string, string>): string => {
  try {
    readConfig(environment)
    return ''
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
}

t.test('an empty environment gives the embedded defaults', async (t) => {
  t.same(readConfig({}), {
    host: '127.0.0.1',
    port: 8400,
    issuer: 'http://localhost:8400',
    databaseUrl: null,
    databasePoolSize: 10,
    redisUrl: null,
    dataDir: resolve('./data'),
    adminUsername: 'admin',
    adminPassword: null,
    encryptionKeys: null,
    trustedProxies: [],
    allowedPrivateNetworks: [],
    clientsFile: null,
    mail: null,
    brand: { name: 'Postern', logoFile: null, color: null, links: [], templatesDir: null },
    rateLimitPerMinute: 6000,
    logLevel: 'info',
  })
  t.ok(Object.isFrozen(readConfig({})))
})

t.test('every variable is read', async (t) => {
  const config = readConfig({
    HOST: '0.0.0.0',
    PORT: '9000',
    POSTERN_ISSUER: 'https://login.example.org',
    DATABASE_URL: 'postgres://u:p@db/postern',
    DATABASE_POOL_SIZE: '20',
    REDIS_URL: 'rediss://redis:6380/1',
    POSTERN_DATA_DIR: '/var/lib/postern',
    POSTERN_ADMIN_USERNAME: 'root',
    POSTERN_ADMIN_PASSWORD: 'a long enough one',
    POSTERN_ENCRYPTION_KEYS: `b:${KEY}, a:${KEY}`,
    POSTERN_TRUSTED_PROXIES: '10.0.0.0/8, ::1',
    POSTERN_ALLOW_PRIVATE_ADDRESSES: '10.1.0.0/16, fd00::/8',
    POSTERN_RATE_LIMIT: '0',
    LOG_LEVEL: 'warn',
  })
  t.match(config, { host: '0.0.0.0', port: 9000, issuer: 'https://login.example.org', databasePoolSize: 20 })
  t.match(config, {
    redisUrl: 'rediss://redis:6380/1',
    trustedProxies: ['10.0.0.0/8', '::1'],
    allowedPrivateNetworks: ['10.1.0.0/16', 'fd00::/8'],
    rateLimitPerMinute: 0,
  })
  t.same(
    config.encryptionKeys?.map(({ id }) => id),
    ['b', 'a'],
  )
})

t.test('an empty value counts as unset, as compose files give it', async (t) => {
  t.equal(readConfig({ PORT: '', DATABASE_URL: '' }).port, 8400)
})

t.test('a secret may be given as a file', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-config-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'database-url')
  writeFileSync(file, 'postgres://u:p@db/postern\n')
  t.equal(readConfig({ DATABASE_URL_FILE: file }).databaseUrl, 'postgres://u:p@db/postern')
  t.match(
    problemsOf({ DATABASE_URL_FILE: file, DATABASE_URL: 'postgres://x/y' }),
    /DATABASE_URL: given twice/,
  )
  t.match(
    problemsOf({ DATABASE_URL_FILE: join(folder, 'missing') }),
    /DATABASE_URL_FILE: ".*missing" cannot be read \(ENOENT\)/,
  )
})

t.test('a wrong value is named, with what was given and what is expected', async (t) => {
  for (const [name, value, shown] of [
    ['PORT', '99999', /PORT: got "99999"; expected a whole number from 0 to 65535/],
    ['PORT', 'http', /PORT: got "http"/],
    ['POSTERN_ISSUER', 'http://login.example.org', /expected an https:\/\/ URL/],
    ['POSTERN_ISSUER', 'https://login.example.org/', /without query, fragment or trailing slash/],
    ['POSTERN_ISSUER', 'login.example.org', /POSTERN_ISSUER/],
    ['POSTERN_ISSUER', 'https://user@login.example.org', /POSTERN_ISSUER/],
    [
      'DATABASE_URL',
      'mysql://u:hunter2@db/x',
      /DATABASE_URL: got a value that is not shown; expected postgres:/,
    ],
    ['REDIS_URL', 'http://redis', /REDIS_URL: got a value that is not shown; expected redis:/],
    ['POSTERN_ADMIN_USERNAME', 'a b', /POSTERN_ADMIN_USERNAME: got "a b"/],
    ['POSTERN_ADMIN_PASSWORD', 'short', /POSTERN_ADMIN_PASSWORD: got a value that is not shown/],
    ['POSTERN_TRUSTED_PROXIES', '10.0.0.0/40', /POSTERN_TRUSTED_PROXIES: got "10.0.0.0\/40"/],
    ['POSTERN_TRUSTED_PROXIES', 'proxy.example', /comma-separated list/],
    ['POSTERN_ALLOW_PRIVATE_ADDRESSES', 'intranet.example', /10\.0\.0\.0\/8,fd00::\/8, or all/],
    ['POSTERN_BRAND_NAME', 'Two\nlines', /POSTERN_BRAND_NAME: got/],
    ['POSTERN_BRAND_NAME', ' ', /POSTERN_BRAND_NAME: got/],
    ['POSTERN_BRAND_COLOR', 'navy', /POSTERN_BRAND_COLOR: got "navy": it is no #rrggbb/],
    ['POSTERN_BRAND_COLOR', '#fc0', /it is no #rrggbb/],
    [
      'POSTERN_BRAND_COLOR',
      '#ffcc00',
      /got "#ffcc00": white text on it has a contrast of 1\.5:1, and 4\.5:1 is needed; expected a colour such as/,
    ],
    ['POSTERN_BRAND_LINKS', 'Help', /POSTERN_BRAND_LINKS: got "Help"; expected https or mailto links/],
    ['POSTERN_BRAND_LINKS', 'Help=http://help.example.org', /POSTERN_BRAND_LINKS/],
    ['POSTERN_BRAND_LINKS', 'Help=https://help.example.org;Run=javascript:alert(1)', /POSTERN_BRAND_LINKS/],
    ['POSTERN_BRAND_LINKS', '=https://help.example.org', /POSTERN_BRAND_LINKS/],
    ['LOG_LEVEL', 'loud', /LOG_LEVEL: got "loud"; expected one of fatal/],
  ] as const) {
    t.match(problemsOf({ [name]: value }), shown, `${name}=${value}`)
  }
  t.notMatch(problemsOf({ DATABASE_URL: 'mysql://u:hunter2@db/x' }), /hunter2/)
})

t.test('a wrong encryption key is named by its id, and never shown', async (t) => {
  for (const [value, shown] of [
    ['', ''],
    ['k1', /key "k1" is not base64/],
    [':abc', /key number 1 has no usable id/],
    [`k1:${KEY.slice(0, 20)}`, /key "k1" has 15 bytes; 32 are needed/],
    ['k1:***', /key "k1" is not base64/],
    [`k1:${KEY},k1:${KEY}`, /key id "k1" is there twice/],
    [',', /there is no key in it/],
  ] as const) {
    const message = problemsOf({ POSTERN_ENCRYPTION_KEYS: value })
    t.match(message, shown, value)
    t.notMatch(message, KEY.slice(0, 20))
  }
  t.throws(() => parseEncryptionKeys(''), /no key/)
})

t.test('all wrong values are listed at once', async (t) => {
  const message = problemsOf({
    PORT: 'x',
    LOG_LEVEL: 'loud',
    DATABASE_URL_FILE: '/nonexistent',
    REDIS_URL: 'x',
  })
  for (const name of ['PORT', 'LOG_LEVEL', 'DATABASE_URL_FILE', 'REDIS_URL'])
    t.match(message, new RegExp(`^  ${name}`, 'm'))
})

t.test('mail needs a server and a sender', async (t) => {
  const both = {
    POSTERN_SMTP_URL: 'smtp://u:p@mail.example.org',
    POSTERN_MAIL_FROM: 'Example <no-reply@example.org>',
  }
  t.same(readConfig(both).mail, { smtpUrl: both.POSTERN_SMTP_URL, from: both.POSTERN_MAIL_FROM })
  t.match(problemsOf({ POSTERN_SMTP_URL: both.POSTERN_SMTP_URL }), /POSTERN_MAIL_FROM: is missing/)
  t.match(problemsOf({ POSTERN_MAIL_FROM: both.POSTERN_MAIL_FROM }), /POSTERN_SMTP_URL: is missing/)
  for (const url of [
    'http://mail.example.org',
    'smtp://',
    'smtp://mail.example.org/?tls=no',
    'mail.example.org:587',
  ]) {
    const problems = problemsOf({ ...both, POSTERN_SMTP_URL: url })
    t.match(problems, /POSTERN_SMTP_URL: got a value that is not shown/, url)
  }
  for (const from of ['nobody', 'a@b@c', 'Two\nLines <a@example.org>', '<a@example.org> more'])
    t.match(problemsOf({ ...both, POSTERN_MAIL_FROM: from }), /POSTERN_MAIL_FROM: got/, from)
})
