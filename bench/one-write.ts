// What a server of the bench asks of Redis in one turn of the event loop is one write, as Postern does it, for whoever is
// measured beside it.
import { Redis, type RedisOptions } from 'ioredis'

/** Costs less than the library's auto-pipelining, which puts each batch into a pipeline of its own. */
export const openOneWriteRedis = (url: string, scripts: RedisOptions['scripts'] = {}): Redis => {
  const redis = new Redis(url, { scripts })
  const send = redis.sendCommand.bind(redis)
  let isHeld = false
  redis.sendCommand = (command, stream) => {
    if (!isHeld && redis.status === 'ready') {
      const held = redis.stream
      isHeld = true
      held.cork()
      setImmediate(() => {
        isHeld = false
        held.uncork()
      })
    }
    return send(command, stream)
  }
  return redis
}
