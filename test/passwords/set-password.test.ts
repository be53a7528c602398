import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { runCommand } from '../support/commands.ts'
import { onBothEngines } from '../support/embedded.ts'

const skip = onBothEngines()

t.test(
  'a password is set when every session and every challenge has ended, and no earlier',
  { skip },
  async (t) => {
    const postern = await openTestApp(t)
    const account = await postern.createAccount()
    const { access_token: bearer } = await postern.signIn(account)
    const { sessions, challenges } = postern.deps.ephemeral
    const { endAll: endSessions } = sessions
    const { endAll: endChallenges } = challenges
    // A slow Redis.
    sessions.endAll = (...which) => sleep(50).then(() => endSessions(...which))
    challenges.endAll = (...which) => sleep(50).then(() => endChallenges(...which))

    const password = 'walnut drawer over the canal'
    t.match(await runCommand(postern, ['account', 'set-password', account.username], { password }), {
      code: 0,
    })
    t.equal((await postern.request('GET', '/v1/me', { bearer })).status, 401)
    const events = await postern.auditEvents({ accountId: account.id, event: 'sessions.ended' })
    t.equal(events.length, 1)
  },
)
