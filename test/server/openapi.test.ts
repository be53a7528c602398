import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { ERROR_CODES } from '../../src/errors.ts'
import { tidyDocument } from '../../src/server/openapi-document.ts'
import { openTestApp } from '../support/app.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

type Answer = { content?: { 'application/json'?: { schema?: object; examples?: Record<string, object> } } }
type Operation = { operationId: string; summary?: string; tags?: string[]; responses: Record<string, Answer> }
type Document = {
  paths: Record<string, Record<string, Operation>>
  components: Record<string, Record<string, object>>
}

t.test('openapi.yaml is what the routes say, and valid', async (t) => {
  const script = fileURLToPath(new URL('../../scripts/openapi.ts', import.meta.url))
  const child = spawn(process.execPath, [script, '--check'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  const [code] = await once(child, 'close')
  t.equal(code, 0, output)
})

t.test('every operation has a name, a summary, and an example for every error', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const document: Document = (await postern.request('GET', '/openapi.json')).body
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
  const ids = operations.map(({ operationId }) => operationId)
  t.equal(new Set(ids).size, ids.length, 'names are unique')
  t.ok(ids.includes('postAdminClientsByClientIdRotateSecret'))
  for (const { operationId, summary, tags, responses } of operations) {
    t.ok(summary && tags?.length === 1, operationId)
    for (const status of ['400', '429', '500', '503']) t.ok(responses[status], `${operationId}: ${status}`)
    for (const [status, { content }] of Object.entries(responses)) {
      for (const code of Object.keys(content?.['application/json']?.examples ?? {})) {
        const [documented] = ERROR_CODES[code as keyof typeof ERROR_CODES] ?? []
        const isProof = ['invalid_dpop_proof', 'use_dpop_nonce'].includes(code)
        t.ok([String(documented), ...(isProof ? ['401'] : [])].includes(status), `${operationId}: ${code}`)
      }
    }
  }
  const referred = [...JSON.stringify(document).matchAll(/"#\/components\/(\w+)\/(\w+)"/g)]
  for (const [reference, kind = '', name = ''] of referred) t.ok(document.components[kind]?.[name], reference)
})

t.test('two schemas of one title, which differ, are a mistake', async (t) => {
  const answer = (schema: object) => ({ responses: { 200: { content: { 'application/json': { schema } } } } })
  const one = { title: 'One', type: 'object', properties: { a: { type: 'string' } } }
  const documentOf = (other: object) => ({
    paths: { '/a': { get: answer(one) }, '/b': { get: answer(other) } },
  })
  t.throws(() => tidyDocument(documentOf({ ...one, properties: {} })), /two schemas have the title One/)
  const withExamples = { ...one, examples: [{ a: 'x' }] }
  t.match(tidyDocument(documentOf(withExamples)), { components: { schemas: { One: withExamples } } })
  t.match(tidyDocument({}), { paths: {}, components: { schemas: {} } })
})

t.test('the API can be browsed, and its page may load nothing from elsewhere', { skip }, async (t) => {
  const postern = await openTestApp(t)
  t.match(await postern.request('GET', '/'), { status: 302, headers: { location: '/docs' } })
  const page = await postern.request('GET', '/docs/')
  t.equal(page.status, 200)
  t.match(page.text, /swagger-ui-bundle\.js/)
  const policy = String(page.headers['content-security-policy'])
  t.match(policy, /default-src 'none';.*script-src 'self';/)
  t.notMatch(policy, /https:|upgrade-insecure-requests/)
  t.equal((await postern.request('GET', '/docs/static/swagger-ui-bundle.js')).status, 200)
})

t.test('answers are data: a browser that opens one runs and frames nothing', { skip }, async (t) => {
  const postern = await openTestApp(t)
  for (const path of ['/healthz', '/.well-known/jwks.json', '/openapi.json', '/nowhere', '/v1/me']) {
    const { headers } = await postern.request('GET', path)
    t.equal(headers['content-security-policy'], "default-src 'none';frame-ancestors 'none'", path)
    t.equal(headers['x-content-type-options'], 'nosniff', path)
  }
})
