import type { Ephemeral } from './ephemeral.ts'
import { openMemoryEphemeral } from './memory/memory.ts'
import { openRedisEphemeral, type RedisEphemeralOptions } from './redis/redis.ts'

/**
 * Redis where a URL is given, else the memory of this process.
 * @throws {DependencyError} Redis is not ready in time; opening may be tried again.
 */
export const openEphemeral = async (
  options: Omit<RedisEphemeralOptions, 'url'> & { redisUrl: string | null },
): Promise<Ephemeral> => {
  const { redisUrl, ...rest } = options
  return redisUrl === null ? openMemoryEphemeral() : openRedisEphemeral({ url: redisUrl, ...rest })
}
