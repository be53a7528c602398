import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { holdStatement } from '../support/hold-statement.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

t.test('of two readings of the policy the newer one holds, whichever ends last', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount()
  const slow = holdStatement(postern, 'answer', /FROM settings/)
  const reloaded = postern.deps.policy.reload()
  await slow.reached
  await postern.setPolicy({ required_for_all: true })
  slow.release()
  await reloaded
  t.equal((await postern.logIn(account)).body.status, 'enrollment_required')
  t.equal(postern.deps.policy.versioned().version, 1)
})
