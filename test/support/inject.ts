import { setTimeout as sleep } from 'node:timers/promises'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import type { App } from '../../src/server/app.ts'

const TRIES = 50

/**
 * Sends a request; once more a moment later where the process says that it is too busy, which on a machine that
 * has other work it may be. For tests that send thousands of them, one behind the other.
 */
export const injectPatiently = async (app: App, options: InjectOptions): Promise<LightMyRequestResponse> => {
  for (let i = 0; ; i += 1) {
    const answer = await app.inject(options)
    if (answer.statusCode !== 503 || !answer.body.includes('Too busy') || i === TRIES) return answer
    await sleep(100)
  }
}
