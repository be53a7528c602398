// Serves the sample pages to a real browser, with the policy that each asks for. `POST` answers what was sent.
import { EventEmitter, on, once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { LANGUAGES } from '../../src/pages/languages/languages.ts'
import type { OpenSite } from '../../src/pages/open-site.ts'
import { contentSecurityPolicy } from '../../src/pages/views/layout.ts'
import { sampleContext, samplePages } from './sample-pages.ts'

export type PageServer = {
  url: string
  names: string[]
  /** The next form that arrives, or has arrived and was not asked for yet. */
  nextForm(): Promise<URLSearchParams>
  /** How many have arrived. */
  formCount(): number
  close(): Promise<void>
}

/** Pages are at `/<language>/<name>`. */
export const servePages = async (site: OpenSite): Promise<PageServer> => {
  const pages = new Map<string, Awaited<ReturnType<typeof samplePages>>>()
  for (const language of LANGUAGES) pages.set(language.tag, await samplePages(sampleContext(site, language)))
  const forms = new EventEmitter()
  const arrived = on(forms, 'form')
  let count = 0
  const server = createServer(async (request, response) => {
    const path = request.url?.split('?')[0] ?? ''
    if (request.method === 'POST') {
      count += 1
      forms.emit('form', new URLSearchParams(await text(request)))
      return response.end('sent')
    }
    const file = site.files.find((one) => one.path === path)
    if (file) return response.setHeader('content-type', file.type).end(file.body)
    const [, tag = '', name = ''] = path.split('/')
    const page = pages.get(tag)?.[name]?.()
    if (!page) return response.writeHead(404).end()
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.setHeader('content-security-policy', contentSecurityPolicy(page))
    response.end(page.html)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    names: Object.keys(pages.get('en') ?? {}),
    nextForm: async () => (await arrived.next()).value?.[0],
    formCount: () => count,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
