// The load: raw HTTP/1.1 over keep-alive connections, one request at a time on each. Requests are bytes made
// beforehand, so that this thread, which shares its core with Redis and PostgreSQL, costs them little.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const LOOPBACK = '127.0.0.1'
const SILENCE_MS = 15_000
const HEAD_END = '\r\n\r\n'

/** The bytes of one request. */
export const httpRequest = (
  line: string,
  headers: Record<string, string> = {},
  body: string | null = null,
): Buffer => {
  const all = {
    host: LOOPBACK,
    ...headers,
    ...(body !== null && { 'content-length': String(Buffer.byteLength(body)) }),
  }
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return Buffer.from(`${line} HTTP/1.1\r\n${head.join('\r\n')}${HEAD_END}${body ?? ''}`)
}

export const postJson = (path: string, body: object, headers: Record<string, string> = {}): Buffer =>
  httpRequest(`POST ${path}`, { ...headers, 'content-type': 'application/json' }, JSON.stringify(body))

export type Answers = { elapsedMs: number; latenciesMs: number[]; statuses: Map<number, number> }

/** The part of an answer that has arrived; its length is known once its head is there. */
const lengthOf = (answer: Buffer): number | null => {
  const headEnd = answer.indexOf(HEAD_END)
  if (headEnd < 0) return null
  const head = answer.toString('latin1', 0, headEnd)
  const [, length] = /\r\ncontent-length: (\d+)/i.exec(head) ?? []
  if (length === undefined && !head.startsWith('HTTP/1.1 204')) throw new Error(`no length:\n${head}`)
  return headEnd + HEAD_END.length + Number(length ?? 0)
}

const serve = (socket: Socket, next: () => Buffer | null, answered: (status: number, ms: number) => void) => {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let answer: Buffer = Buffer.alloc(0)
  let sentAt = 0
  const send = () => {
    const request = next()
    if (request === null) return resolve()
    sentAt = performance.now()
    socket.write(request)
  }
  socket.on('data', (chunk: Buffer) => {
    answer = answer.length === 0 ? chunk : Buffer.concat([answer, chunk])
    const length = lengthOf(answer)
    if (length === null || answer.length < length) return
    answered(Number(answer.toString('latin1', 9, 12)), performance.now() - sentAt)
    answer = Buffer.alloc(0)
    send()
  })
  socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error(`no answer within ${SILENCE_MS} ms`)))
  socket.on('error', reject)
  socket.on('close', () => reject(new Error('the server has closed a connection')))
  send()
  return promise
}

/** Sends what `next` gives, until it gives null; every request after the answer to the one before it. */
export const load = async (
  port: number,
  connections: number,
  next: () => Buffer | null,
): Promise<Answers> => {
  const sockets = await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect({ port, host: LOOPBACK, noDelay: true })
      await once(socket, 'connect')
      return socket
    }),
  )
  const latenciesMs: number[] = []
  const statuses = new Map<number, number>()
  const answered = (status: number, ms: number) => {
    latenciesMs.push(ms)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  const start = performance.now()
  try {
    await Promise.all(sockets.map((socket) => serve(socket, next, answered)))
    return { elapsedMs: performance.now() - start, latenciesMs, statuses }
  } finally {
    for (const socket of sockets) socket.removeAllListeners('close').destroy()
  }
}

/** Each of them once. */
export const each = (requests: readonly Buffer[]): (() => Buffer | null) => {
  let sent = 0
  return () => requests[sent++] ?? null
}
