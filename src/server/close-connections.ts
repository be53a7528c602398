import { AuthError } from '../errors.ts'
import type { App } from './app.ts'

const IDLE_CHECK_MS = 50

/**
 * Node closes connections that are idle when it stops accepting. One that is answering then would be kept alive
 * after its answer, for as long as its client likes, so it is looked for again; what comes on one until then is
 * refused.
 */
export const closeConnectionsWhenDone = (app: App): void => {
  let isClosing = false
  app.addHook('preClose', async () => {
    isClosing = true
    const timer = setInterval(() => app.server.closeIdleConnections(), IDLE_CHECK_MS)
    app.server.once('close', () => clearInterval(timer))
  })
  app.addHook('onRequest', (_request, _reply, done) => {
    if (!isClosing) return done()
    done(new AuthError('temporarily_unavailable', 'Postern is closing.', { retry_after: 1 }))
  })
}
