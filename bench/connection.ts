// One keep-alive connection of the load: raw HTTP/1.1, one request at a time. Requests are bytes made beforehand, so that
// this thread, which shares its core with Redis and PostgreSQL, costs them little.
import { once } from 'node:events'
import { connect } from 'node:net'

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

const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n')

/** Whether all of an answer has arrived. Only one is asked for at a time, so nothing comes after its last chunk. */
const isWhole = (answer: Buffer): boolean => {
  const headEnd = answer.indexOf(HEAD_END)
  if (headEnd < 0) return false
  const head = answer.toString('latin1', 0, headEnd)
  const [, length] = /\r\ncontent-length: (\d+)/i.exec(head) ?? []
  if (length !== undefined) return answer.length >= headEnd + HEAD_END.length + Number(length)
  if (/\r\ntransfer-encoding: chunked/i.test(head))
    return answer.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK)
  if (head.startsWith('HTTP/1.1 204')) return true
  throw new Error(`no length:\n${head}`)
}

/** `answer`: all of it, head and body. */
export type Reply = { status: number; answer: Buffer }

export type Connection = {
  /** One at a time. @throws {Error} the server closes the connection, or is silent */
  ask(request: Buffer): Promise<Reply>
  close(): void
}

export const openConnection = async (port: number): Promise<Connection> => {
  const socket = connect({ port, host: LOOPBACK, noDelay: true })
  await once(socket, 'connect')
  let answer: Buffer = Buffer.alloc(0)
  let pending: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | null = null
  const fail = (error: Error) => pending?.reject(error)
  socket.on('data', (chunk: Buffer) => {
    answer = answer.length === 0 ? chunk : Buffer.concat([answer, chunk])
    if (!isWhole(answer)) return
    const whole = answer
    answer = Buffer.alloc(0)
    pending?.resolve({ status: Number(whole.toString('latin1', 9, 12)), answer: whole })
  })
  socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error(`no answer within ${SILENCE_MS} ms`)))
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the server has closed a connection')))
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        pending = { resolve, reject }
        socket.write(request)
      }),
    close: () => {
      socket.destroy()
    },
  }
}
