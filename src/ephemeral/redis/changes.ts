// The channel on which replicas announce what has changed. Messages may be missed while the connection is lost, so
// after a reconnection everything is read again.
import type { Redis } from 'ioredis'
import { DependencyError } from '../../errors.ts'
import type { ChangedTopic, Changes } from '../ephemeral.ts'

const RECONNECT_MS = 250
// A silent connection looks like a dead one, so it is pinged.
const PING_MS = 5000

type Listener = (topic: ChangedTopic) => void

const isTopic = (message: string): message is ChangedTopic =>
  message === 'policy' || message === 'clients' || message === 'signing_keys'

/** Listens on a connection of its own, and opens the next one whenever it is lost. */
const keepSubscribed = (connect: (attempt: number) => Redis, channel: string, listener: Listener) => {
  const first = Promise.withResolvers<void>()
  let subscriber: Redis
  let attempts = 0
  let subscriptions = 0
  let closed = false
  let nextTry: NodeJS.Timeout | undefined

  const subscribe = async (connection: Redis) => {
    await connection.connect()
    await connection.subscribe(channel)
    subscriptions += 1
    if (subscriptions > 1) listener('reconnected')
    first.resolve()
  }
  const open = () => {
    const connection = connect(attempts++)
    subscriber = connection
    connection.on('error', () => {})
    // A topic that this version does not know, from a newer replica: read everything again.
    connection.on('message', (_channel, message) => listener(isTopic(message) ? message : 'reconnected'))
    connection.once('end', () => {
      if (!closed) nextTry = setTimeout(open, RECONNECT_MS)
    })
    subscribe(connection).catch(() => connection.disconnect())
  }
  open()
  const pings = setInterval(() => {
    subscriber.ping().catch(() => {})
  }, PING_MS).unref()

  return {
    first: first.promise,
    close() {
      closed = true
      clearInterval(pings)
      clearTimeout(nextTry)
      subscriber.disconnect()
    },
  }
}

/** @throws {DependencyError} there is no subscription within `withinMs`. */
export const openRedisChanges = async (
  connect: (attempt: number) => Redis,
  publish: (topic: string) => Promise<unknown>,
  { channel, withinMs }: { channel: string; withinMs: number },
): Promise<Changes & { reconnected(): void; close(): void }> => {
  const listeners = new Set<Listener>()
  const announce = (topic: ChangedTopic) => {
    for (const listener of listeners) listener(topic)
  }
  const subscription = keepSubscribed(connect, channel, announce)
  const { promise: tooLate, resolve } = Promise.withResolvers<'too late'>()
  const timer = setTimeout(resolve, withinMs, 'too late')
  const outcome = await Promise.race([subscription.first, tooLate])
  clearTimeout(timer)
  if (outcome === 'too late') {
    subscription.close()
    throw new DependencyError('redis', `no subscription within ${withinMs} ms`)
  }
  return {
    async publish(topic) {
      await publish(topic)
    },
    subscribe(listener) {
      listeners.add(listener)
    },
    /** The connection for commands is back: it may lead to a server that lacks what was written last. */
    reconnected: () => announce('reconnected'),
    close: subscription.close,
  }
}
