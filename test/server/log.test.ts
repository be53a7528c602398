import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { routesOf } from '../support/routes.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

t.test('nothing is printed beside the log, whatever is validated or answered', { skip }, async (t) => {
  const printed = (['log', 'info', 'warn', 'error'] as const).map((level) => t.capture(console, level))
  const { built: postern, routes } = await routesOf(() => openTestApp(t))
  const administrator = await postern.createAccount({ roles: ['admin'], email: 'ada@example.org' })
  const { access_token: bearer } = await postern.signIn(
    administrator,
    await postern.enrollTotp(administrator),
  )
  const { clientId } = await postern.createClient()
  for (const { method, url } of routes) {
    if (method !== 'GET') continue
    const path = url.replace(':client_id', clientId).replace(':id', administrator.id)
    await postern.request('GET', path, { bearer })
    await postern.request('GET', `${path}?limit=none&from=never`, { bearer })
  }
  const explained = await postern.request('POST', '/v1/admin/policy/explain', {
    bearer,
    body: { username: administrator.username, policy: { admin_networks: ['10.0.0.0/8', '127.0.0.1'] } },
  })
  t.equal(explained.status, 200, explained.text)
  const created = await postern.request('POST', '/v1/admin/clients', { bearer, body: { name: 'Web shop' } })
  t.equal(created.status, 201, created.text)
  for (const calls of printed)
    t.same(
      calls().map(({ args }) => args),
      [],
    )
})
