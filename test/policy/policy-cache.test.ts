import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { holdStatement } from '../support/hold-statement.ts'

const skip = onBothEngines()

t.test('of two readings of the policy the newer one is kept, whichever ends last', { skip }, async (t) => {
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
