import t from 'tap'
import { type StartFacts, startMessage } from '../../src/command-line/start-message.ts'

const FACTS: StartFacts = {
  version: '1.2.3',
  address: { host: '127.0.0.1', port: 8400 },
  postgres: 'postgres',
  ephemeral: 'redis',
  firstAdministrator: null,
  fromSource: true,
}
const SETTINGS = { issuer: 'http://localhost:8400', dataDir: '/srv/data' }

t.test('the first start shows the password once, the URLs that matter, and what to do next', async (t) => {
  const administrator = { username: 'admin', password: 'shown-once' }
  const text = startMessage({ ...FACTS, firstAdministrator: administrator }, SETTINGS)
  t.match(text, /Postern 1\.2\.3 is ready on http:\/\/localhost:8400\n/)
  t.match(text, /user name {3}admin\n {2}password {4}shown-once\n/)
  for (const path of ['/docs', '/healthz', '/.well-known/jwks.json', '/.well-known/openid-configuration']) {
    t.ok(text.includes(`http://localhost:8400${path} `), path)
  }
  t.match(text, /npm run demo -- --browser/)
  t.match(text, /curl http:\/\/localhost:8400\/v1\/login .*\n.*"password":"shown-once"/)
  const installed = startMessage({ ...FACTS, firstAdministrator: administrator, fromSource: false }, SETTINGS)
  t.notMatch(installed, /npm run demo/)
  t.match(installed, /postern serve --help/)
})

t.test('every start prints the link to sign in by browser, at the issuer', async (t) => {
  t.match(startMessage(FACTS, SETTINGS), /\nSign in by browser: http:\/\/localhost:8400\/sign-in\n/)
  const behindProxy = startMessage(FACTS, { ...SETTINGS, issuer: 'https://login.example' })
  t.match(behindProxy, /Sign in by browser: https:\/\/login\.example\/sign-in\n/)
})

t.test('a password that was configured is not repeated', async (t) => {
  const text = startMessage({ ...FACTS, firstAdministrator: { username: 'root', password: null } }, SETTINGS)
  t.match(text, /password {4}\(as POSTERN_ADMIN_PASSWORD says\)/)
  t.match(text, /"password":"…"/)
})

t.test('later starts are short', async (t) => {
  const text = startMessage(FACTS, SETTINGS)
  t.ok(text.split('\n').length <= 7)
  t.notMatch(text, /password|curl/)
})

t.test('it says where state is kept, and warns of what is for one process', async (t) => {
  t.match(startMessage(FACTS, SETTINGS), /Data: PostgreSQL\.\nShort-lived state: Redis\./)
  const embedded = startMessage({ ...FACTS, postgres: 'embedded', ephemeral: 'memory' }, SETTINGS)
  t.match(embedded, /embedded PostgreSQL in \/srv\/data, for one process\. Set DATABASE_URL/)
  t.match(embedded, /memory of this one process; a restart signs everybody out\. Set REDIS_URL/)
})

t.test('the URL is one that can be opened', async (t) => {
  const urlOf = (host: string) =>
    /ready on (\S+)/.exec(startMessage({ ...FACTS, address: { host, port: 80 } }, SETTINGS))?.[1]
  t.equal(urlOf('0.0.0.0'), 'http://localhost:80')
  t.equal(urlOf('192.0.2.7'), 'http://192.0.2.7:80')
  t.equal(urlOf('2001:db8::1'), 'http://[2001:db8::1]:80')
})

t.test('an issuer that is not where it listens is warned of, where that is certain', async (t) => {
  const warns = (issuer: string, port: number) =>
    /Warning: POSTERN_ISSUER/.test(
      startMessage({ ...FACTS, address: { host: '127.0.0.1', port } }, { ...SETTINGS, issuer }),
    )
  t.ok(warns('http://localhost:8400', 9000))
  t.notOk(warns('http://localhost:8400', 8400))
  t.notOk(warns('http://localhost', 80))
  t.notOk(warns('https://login.example', 8400), 'there may be a proxy between')
})
