// A client's back-channel logout endpoint, on loopback: notes what it is sent, and answers as the test says.
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose'
import type { Test } from 'tap'

export type Received = { token: string; type: string | undefined; claims: JWTPayload; path: string }

/** Such an environment lets a test app send to loopback. */
export const LOOPBACK_ALLOWED = { POSTERN_ALLOW_PRIVATE_ADDRESSES: '127.0.0.1,::1' }

export const openLogoutReceiver = async (
  t: Test,
  answer: (response: ServerResponse, received: Received, path: string) => void = (response) => response.end(),
) => {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString())
    const token = form.get('logout_token') ?? ''
    const { typ } = decodeProtectedHeader(token)
    const one = { token, type: typ, claims: decodeJwt(token), path: request.url ?? '' }
    received.push(one)
    answer(response, one, one.path)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    received,
    uri: (path = '/logout') => `http://127.0.0.1:${port}${path}`,
    /** Waits until this many have come. */
    async atLeast(count: number): Promise<Received[]> {
      for (let tries = 0; received.length < count; tries += 1) {
        if (tries > 500) throw new Error(`${received.length} of ${count} notices have come`)
        await sleep(20)
      }
      return received
    },
  }
}
