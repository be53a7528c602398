// Where a request comes from, read once: whatever counts or records an address reads `request.ip` after this.
import type { FastifyRequest } from 'fastify'
import { isAddress } from '../wire/network.ts'
import type { App } from './app.ts'

/** No address: the connection is gone, and nobody will be answered. */
const UNSPECIFIED = '::'

/** The other end of the connection. A link-local address has its zone behind it, which says nothing elsewhere. */
const peerAddress = ({ socket }: FastifyRequest): string => {
  const [address = ''] = (socket.remoteAddress ?? '').split('%')
  return isAddress(address) ? address : UNSPECIFIED
}

/**
 * Where a trusted proxy names what is no address (`unknown`, `192.0.2.7:5123`), its own counts (docs/security.md
 * 34). Decision: nothing is cut off to make it one, because a proxy that writes ports into the header may write
 * other things into it too; it is set up to write addresses.
 */
export const settleAddresses = (app: App): void => {
  app.addHook('onRequest', (request, _reply, done) => {
    if (!isAddress(request.ip)) Object.defineProperty(request, 'ip', { value: peerAddress(request) })
    done()
  })
}
