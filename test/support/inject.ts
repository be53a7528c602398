import { setTimeout as sleep } from 'node:timers/promises'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import type { App } from '../../src/server/app.ts'

const TRIES = 50

/**
 * Sends a request, and sends it again a moment later if the process answers that it is too busy, as it may be on a
 * machine with other work. For tests that send thousands of requests one after the other.
 */
export const injectPatiently = async (app: App, options: InjectOptions): Promise<LightMyRequestResponse> => {
  for (let i = 0; ; i += 1) {
    const answer = await app.inject(options)
    if (answer.statusCode !== 503 || !answer.body.includes('Too busy') || i === TRIES) return answer
    await sleep(100)
  }
}
