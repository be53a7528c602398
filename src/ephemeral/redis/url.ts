// REDIS_URL in its forms: one server, Sentinel, Cluster; each also over TLS.

type Address = { host: string; port: number }

type Access = { username: string | null; password: string | null; tls: boolean }

export type RedisTarget = Access &
  (
    | { kind: 'single'; host: string; port: number; db: number }
    | { kind: 'sentinel'; sentinels: Address[]; masterName: string; db: number }
    | { kind: 'cluster'; nodes: Address[] }
  )

const FORM = /^redis(?<tls>s)?(?:\+(?<mode>sentinel|cluster))?:\/\/(?:(?<access>.*)@)?(?<rest>[^@]*)$/
const REDIS_PORT = 6379
const SENTINEL_PORT = 26379

const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new Error('the user or password in a Redis URL has to be percent-encoded')
  }
}

const credentials = (access: string | undefined) => {
  if (!access) return { username: null, password: null }
  const colon = access.indexOf(':')
  if (colon < 0) throw new Error('a Redis URL names its user as user:password@, or :password@')
  const username = decoded(access.slice(0, colon))
  return { username: username === '' ? null : username, password: decoded(access.slice(colon + 1)) }
}

const address = (text: string, defaultPort: number): Address => {
  const parts = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<name>[\w.-]+))(?::(?<port>\d{1,5}))?$/.exec(text)?.groups
  const host = parts?.v6 ?? parts?.name
  const port = Number(parts?.port ?? defaultPort)
  if (!host || port < 1 || port > 65535) throw new Error(`a Redis URL cannot name the host "${text}"`)
  return { host, port }
}

const database = (text: string | undefined): number => {
  if (text === undefined || text === '') return 0
  if (!/^\d{1,5}$/.test(text)) throw new Error(`a Redis URL cannot name the database "${text}"`)
  return Number(text)
}

/**
 * Reads `redis://[user:password@]host[:port][/db]`, `redis+sentinel://…host,host/master name[/db]` and
 * `redis+cluster://…host,host`; with `rediss` in place of `redis`, over TLS.
 * @throws {Error} saying what is wrong, without the user and the password.
 */
export const parseRedisUrl = (url: string): RedisTarget => {
  const form = FORM.exec(url)?.groups
  if (!form) throw new Error('a Redis URL begins with redis://, redis+sentinel:// or redis+cluster://')
  const access = { ...credentials(form.access), tls: form.tls === 's' }
  const [hosts = '', ...path] = (form.rest ?? '').replace(/\/$/, '').split('/')
  const addresses = (defaultPort: number) => hosts.split(',').map((host) => address(host, defaultPort))

  if (form.mode === 'cluster') {
    if (path.length > 0) throw new Error('a Redis Cluster URL ends after its hosts: it has only database 0')
    return { kind: 'cluster', nodes: addresses(REDIS_PORT), ...access }
  }
  if (form.mode === 'sentinel') {
    const [masterName, db, ...more] = path
    if (!masterName || more.length > 0) {
      throw new Error('a Redis Sentinel URL ends with /<master name>[/<database>]')
    }
    const sentinels = addresses(SENTINEL_PORT)
    return { kind: 'sentinel', sentinels, masterName: decoded(masterName), db: database(db), ...access }
  }
  const [db, ...more] = path
  if (more.length > 0) throw new Error('a Redis URL ends with /<database>')
  return { kind: 'single', ...address(hosts, REDIS_PORT), db: database(db), ...access }
}
