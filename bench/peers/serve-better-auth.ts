// better-auth, from the folder where it is installed, on node:http: sessions in Redis alone, accounts in memory.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { openOneWriteRedis } from '../one-write.ts'

const { PORT, REDIS_URL = '', BETTER_AUTH = '' } = process.env

const { resolve } = createRequire(join(BETTER_AUTH, 'package.json'))
const imported = (name: string) => import(pathToFileURL(resolve(name)).href)
const [{ betterAuth }, { toNodeHandler }, { memoryAdapter }] = await Promise.all([
  imported('better-auth'),
  imported('better-auth/node'),
  imported('better-auth/adapters/memory'),
])

const redis = openOneWriteRedis(REDIS_URL)
// Accounts are signed up to be asked about: what that costs is no part of the bench.
const hash = (password: string) => createHash('sha256').update(password).digest('hex')

const auth = betterAuth({
  baseURL: `http://127.0.0.1:${PORT}`,
  secret: 'a secret of the bench, as long as better-auth asks for, and longer',
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  secondaryStorage: {
    get: (key: string) => redis.get(key),
    set: (key: string, value: string, seconds?: number) =>
      seconds === undefined ? redis.set(key, value) : redis.setex(key, seconds, value),
    delete: (key: string) => redis.del(key),
    getAndDelete: (key: string) => redis.getdel(key),
    // Nothing of a session check counts.
    increment: (key: string) => redis.incr(key),
  },
  emailAndPassword: {
    enabled: true,
    password: {
      hash: async (password: string) => hash(password),
      verify: async (given: { hash: string; password: string }) => hash(given.password) === given.hash,
    },
  },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { level: 'error' },
})

createServer(toNodeHandler(auth)).listen(Number(PORT), '127.0.0.1')
process.once('SIGTERM', () => process.exit(0))
