import t from 'tap'
import { parseRedisUrl } from '../../../src/ephemeral/redis/url.ts'

const open = { username: null, password: null, tls: false }
const single = { kind: 'single', host: 'localhost', port: 6379, db: 0, ...open }

const FORMS: [url: string, target: object][] = [
  ['redis://localhost', single],
  ['redis://localhost/', single],
  ['redis://localhost:6380/3', { ...single, port: 6380, db: 3 }],
  ['redis://[::1]:6380', { ...single, host: '::1', port: 6380 }],
  ['rediss://cache.example.com', { ...single, host: 'cache.example.com', tls: true }],
  ['redis://:secret@localhost', { ...single, password: 'secret' }],
  ['redis://app:p%40ss%2Fw%3Ard@localhost', { ...single, username: 'app', password: 'p@ss/w:rd' }],
  ['redis://app:p@ss@localhost', { ...single, username: 'app', password: 'p@ss' }],
  [
    'redis+sentinel://a,b:26380/mymaster',
    {
      kind: 'sentinel',
      sentinels: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 26380 },
      ],
      masterName: 'mymaster',
      db: 0,
      ...open,
    },
  ],
  [
    'rediss+sentinel://app:secret@a/my%20master/2',
    {
      kind: 'sentinel',
      sentinels: [{ host: 'a', port: 26379 }],
      masterName: 'my master',
      db: 2,
      username: 'app',
      password: 'secret',
      tls: true,
    },
  ],
  [
    'redis+cluster://a:7000,b,[2001:db8::1]:7002/',
    {
      kind: 'cluster',
      nodes: [
        { host: 'a', port: 7000 },
        { host: 'b', port: 6379 },
        { host: '2001:db8::1', port: 7002 },
      ],
      ...open,
    },
  ],
  [
    'rediss+cluster://:secret@a',
    { kind: 'cluster', nodes: [{ host: 'a', port: 6379 }], username: null, password: 'secret', tls: true },
  ],
]

t.test('every form of a Redis URL is read', async (t) => {
  for (const [url, target] of FORMS) t.same(parseRedisUrl(url), target, url)
})

const MISTAKES: [url: string, says: RegExp][] = [
  ['', /begins with/],
  ['localhost:6379', /begins with/],
  ['http://localhost', /begins with/],
  ['redis+ring://localhost', /begins with/],
  ['redis://', /host/],
  ['redis://a:7000,b:7001', /host "a:7000,b:7001"/],
  ['redis://localhost:0', /host/],
  ['redis://localhost:65536', /host/],
  ['redis://localhost:port', /host/],
  ['redis://local host', /host/],
  ['redis://localhost/zero', /database "zero"/],
  ['redis://localhost/0/1', /ends with/],
  ['redis://localhost/0?family=6', /database/],
  ['redis://secret@localhost', /user:password/],
  ['redis://:%E0%A4%A@localhost', /percent-encoded/],
  ['redis+sentinel://a,b', /master name/],
  ['redis+sentinel://a/mymaster/0/1', /master name/],
  ['redis+sentinel://a,,b/mymaster', /host ""/],
  ['redis+cluster://a/1', /only database 0/],
]

t.test('a mistake in a Redis URL is named, and no password with it', async (t) => {
  for (const [url, says] of MISTAKES) t.throws(() => parseRedisUrl(url), { message: says }, url)
  for (const url of ['redis://app:secret@', 'redis://secret@localhost', 'redis://:secret@a:99999']) {
    const thrown = t.throws(() => parseRedisUrl(url))
    t.notMatch(thrown instanceof Error ? thrown.message : '', 'secret')
  }
})
