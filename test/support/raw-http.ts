// HTTP as it is on the wire, for what no HTTP library would send.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export type RawAnswer = { status: number; headers: Record<string, string>; text: string }

/** One answer as it came; its body is all that follows the headers. */
export const parseAnswer = (raw: string): RawAnswer => {
  const end = raw.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = raw.slice(0, end).split('\r\n')
  const headers = lines.map((line) => line.split(/:\s*(.*)/s).slice(0, 2))
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: Object.fromEntries(headers.map(([name = '', value = '']) => [name.toLowerCase(), value])),
    text: raw.slice(end + 4),
  }
}

/** Connects; `received` is what has come, `closed` ends when the other end has closed. */
export const openSocket = async (
  port: number,
): Promise<{ socket: Socket; received: () => string; closed: Promise<unknown> }> => {
  const socket = connect(port, '127.0.0.1')
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk
  })
  // A connection that is reset has been closed, which is what is waited for.
  socket.on('error', () => {})
  const closed = once(socket, 'close')
  await once(socket, 'connect')
  return { socket, received: () => received, closed }
}

/** Sends `text` as it is, and reads until the server closes the connection. */
export const sendRaw = async (port: number, text: string): Promise<RawAnswer> => {
  const { socket, received, closed } = await openSocket(port)
  socket.write(text)
  await closed
  return parseAnswer(received())
}
