// What every part of the bench runs in: Redis, PostgreSQL, and the environment of the servers under test.
import { Redis } from 'ioredis'
import { createDatabase, startPostgres, startRedis } from '../test/support/servers.ts'
import type { Environment, Start } from './contestants.ts'
import type { Options } from './options.ts'
import { leaveServerCore, startUnderTest } from './processes.ts'

export type Setting = {
  options: Options
  /** A new environment: a database of its own, and one of Redis's sixteen. */
  newEnvironment: () => Promise<Environment>
  start: Start
  /** Before each path, so that none carries what others have left. */
  emptyRedis: () => Promise<void>
  close: () => Promise<void>
}

export const openSetting = async (options: Options): Promise<Setting> => {
  leaveServerCore()
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()])
  let environments = 0
  return {
    options,
    newEnvironment: async () => ({
      DATABASE_URL: await createDatabase(postgres),
      REDIS_URL: `${redis.url}/${environments++}`,
      POSTERN_ENCRYPTION_KEYS: `bench:${Buffer.alloc(32, 7).toString('base64')}`,
      POSTERN_ADMIN_PASSWORD: 'a password of some length',
      POSTERN_RATE_LIMIT: '0',
      LOG_LEVEL: 'warn',
    }),
    start: (program, environment) => {
      const nodeOptions = options.profile ? ['--cpu-prof', `--cpu-prof-dir=${options.profile}`] : []
      return startUnderTest(program, environment, { nodeOptions })
    },
    async emptyRedis() {
      const client = new Redis(redis.url)
      await client.flushall()
      client.disconnect()
    },
    async close() {
      await Promise.all([redis.stop(), postgres.stop()])
    },
  }
}
