import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

t.test(
  'what pages load is served under the hash of its content, and may be kept for ever',
  { skip },
  async (t) => {
    const { app, deps } = await openTestApp(t)
    const { styleHref, scriptHref } = deps.site.assets
    for (const [url, type] of [
      [styleHref, 'text/css; charset=utf-8'],
      [scriptHref, 'text/javascript; charset=utf-8'],
    ] as const) {
      const answer = await app.inject({ url })
      t.equal(answer.statusCode, 200, url)
      t.equal(answer.headers['content-type'], type)
      t.equal(answer.headers['cache-control'], 'public, max-age=31536000, immutable')
      t.equal(answer.headers['x-content-type-options'], 'nosniff')
    }
    const { statusCode } = await app.inject({ url: styleHref.replace(/assets\/.{4}/, 'assets/0000') })
    t.equal(statusCode, 404, 'an earlier content is not answered with this one')
  },
)
