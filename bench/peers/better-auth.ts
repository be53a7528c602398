// better-auth as a contestant of session checks: `GET /api/auth/get-session` with its cookie.
import { resolve } from 'node:path'
import type { Contestant } from '../compare.ts'
import { httpRequest } from '../connection.ts'
import { forEach } from '../prepare.ts'
import { PROGRAMS } from '../processes.ts'
import type { Setting } from '../setting.ts'

/** As many sessions as Postern is asked about. */
const ASKED_SESSIONS = 500

const signUp = async (url: string, n: number): Promise<Buffer> => {
  const answer = await fetch(`${url}/api/auth/sign-up/email`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url },
    body: JSON.stringify({
      name: 'Ada Lovelace',
      email: `ada-${n}@example.org`,
      password: `password of ${n}`,
    }),
  })
  if (!answer.ok) throw new Error(`better-auth: ${answer.status} ${await answer.text()}`)
  const cookies = answer.headers.getSetCookie().map((cookie) => cookie.split(';')[0])
  return httpRequest('GET /api/auth/get-session', { cookie: cookies.join('; ') })
}

/** `folder`: where better-auth is installed. */
export const startBetterAuth = async (setting: Setting, folder: string): Promise<Contestant> => {
  const environment = await setting.newEnvironment()
  const variables = { ...environment, BETTER_AUTH: resolve(folder) }
  const server = await setting.start(PROGRAMS.betterAuth, variables)
  const numbers = Array.from({ length: ASKED_SESSIONS }, (_, i) => i)
  // When it is first asked for: Redis is emptied before each scenario.
  let asked: Buffer[] = []
  return {
    name: 'better-auth',
    processes: [server],
    does: ['P2'],
    expected: { P2: ['"email":'] },
    async prepare(_name, count) {
      if (asked.length === 0) asked = await forEach(numbers, (n) => signUp(server.url, n))
      return Array.from({ length: count }, (_, i) => asked[i % asked.length] as Buffer)
    },
    stop: () => server.stop(),
  }
}
