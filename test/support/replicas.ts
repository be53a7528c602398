import type { Test } from 'tap'
import { openTestApp, type TestApp } from './app.ts'
import { createDatabase, newKeyPrefix, sharedPostgres, sharedRedis } from './servers.ts'

/** Two replicas over one database and one Redis: the run's, unless `redisUrl` names another. */
export const openReplicas = async (
  t: Test,
  { redisUrl }: { redisUrl?: string } = {},
): Promise<[TestApp, TestApp]> => {
  const options = {
    databaseUrl: await createDatabase(await sharedPostgres()),
    redisUrl: redisUrl ?? (await sharedRedis()).url,
    redisKeyPrefix: newKeyPrefix(),
  }
  return [await openTestApp(t, options), await openTestApp(t, options)]
}
