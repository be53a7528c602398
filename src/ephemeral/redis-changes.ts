import type { Redis } from 'ioredis'
import { DependencyError } from '../errors.ts'
import type { ChangedTopic, Changes } from './ephemeral.ts'

const RECONNECT_MS = 250
// A connection on which nothing is said cannot be told from a dead one, unless it is asked.
const PING_MS = 5000

const isTopic = (message: string): message is ChangedTopic =>
  message === 'policy' || message === 'clients' || message === 'signing_keys'

type Publisher = (topic: string) => Promise<unknown>

/**
 * Hears the channel on a connection of its own, and opens the next one whenever it is lost.
 * @throws {DependencyError} the first subscription does not stand within `readyTimeoutMs`.
 */
export const openRedisChanges = async (
  connect: (attempt: number) => Redis,
  channel: string,
  publish: Publisher,
  readyTimeoutMs: number,
): Promise<Changes & { close(): void }> => {
  const listeners = new Set<(topic: ChangedTopic) => void>()
  const tell = (topic: ChangedTopic) => {
    for (const listener of listeners) listener(topic)
  }
  const first = Promise.withResolvers<void>()
  let subscriber: Redis
  let attempt = 0
  let subscribedBefore = false
  let closed = false
  let nextTry: NodeJS.Timeout | undefined

  const subscribe = async (connection: Redis) => {
    await connection.connect()
    await connection.subscribe(channel)
    if (subscribedBefore) tell('reconnected')
    subscribedBefore = true
    first.resolve()
  }

  const open = () => {
    const connection = connect(attempt++)
    subscriber = connection
    connection.on('error', () => {})
    // A topic that this version does not know, from a newer replica: read everything again.
    connection.on('message', (_channel, message) => tell(isTopic(message) ? message : 'reconnected'))
    connection.once('end', () => {
      if (!closed) nextTry = setTimeout(open, RECONNECT_MS)
    })
    subscribe(connection).catch(() => connection.disconnect())
  }

  const pings = setInterval(() => {
    const connection = subscriber
    if (connection.status === 'ready') connection.ping().catch(() => connection.disconnect())
  }, PING_MS).unref()

  const close = () => {
    closed = true
    clearInterval(pings)
    clearTimeout(nextTry)
    subscriber.disconnect()
  }

  open()
  const tooLate = setTimeout(() => {
    first.reject(new DependencyError('redis', `no subscription within ${readyTimeoutMs} ms`))
  }, readyTimeoutMs)
  try {
    await first.promise
  } catch (error) {
    close()
    throw error
  } finally {
    clearTimeout(tooLate)
  }
  return {
    async publish(topic) {
      await publish(topic)
    },
    subscribe(listener) {
      listeners.add(listener)
    },
    close,
  }
}
