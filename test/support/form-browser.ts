// A browser without script: keeps cookies, fills in forms, follows redirects within Postern, and stops where it would
// leave for an application.
import type { TestApp } from './app.ts'

export type Form = { action: string; method: string; fields: Record<string, string> }

export type Visited = {
  status: number
  /** Where it ended, relative to the issuer. */
  url: string
  html: string
  headers: Record<string, string | string[] | number | undefined>
  /** Of the page, in order; the first is its main one. */
  forms: Form[]
  heading: string
  /** Where it would have gone on, out of Postern; null where it stayed. */
  left: URL | null
}

export type Browser = {
  cookies: Map<string, string>
  visit(url: string, headers?: Record<string, string>): Promise<Visited>
  /** Sends a form, the first by default, with `fields` filled in. */
  submit(page: Visited, fields?: Record<string, string>, options?: SubmitOptions): Promise<Visited>
}

export type SubmitOptions = { form?: number; headers?: Record<string, string> }

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"' }

export const unescapeHtml = (text: string): string =>
  text.replaceAll(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (whole, hex?: string, decimal?: string, name = '') => {
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16))
    return decimal ? String.fromCodePoint(Number(decimal)) : (ENTITIES[name] ?? whole)
  })

const attributesOf = (tag: string): Record<string, string> =>
  Object.fromEntries(
    [...tag.matchAll(/([\w-]+)(?:="([^"]*)")?/g)].map(([, name = '', value = '']) => [
      name,
      unescapeHtml(value),
    ]),
  )

const formsOf = (html: string): Form[] =>
  [...html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].map(([, tag = '', inner = '']) => {
    const { action = '', method = 'get' } = attributesOf(tag)
    const inputs = [...inner.matchAll(/<input\b([^>]*)>/g)].map(([, input = '']) => attributesOf(input))
    const sent = inputs.filter(({ name, type, ...rest }) => {
      if (!name) return false
      return !['checkbox', 'radio', 'submit'].includes(type ?? '') || 'checked' in rest
    })
    return {
      action,
      method: method.toUpperCase(),
      fields: Object.fromEntries(sent.map(({ name = '', value = '' }) => [name, value])),
    }
  })

const MAX_REDIRECTS = 10

export const openBrowser = ({ app, config }: Pick<TestApp, 'app' | 'config'>): Browser => {
  const cookies = new Map<string, string>()
  const { issuer } = config

  const send = async (
    method: 'GET' | 'POST',
    url: string,
    { headers = {}, payload }: { headers?: Record<string, string>; payload?: string } = {},
  ) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await app.inject({
      method,
      url,
      headers: {
        accept: 'text/html',
        ...(cookie && { cookie }),
        ...(payload !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...headers,
      },
      ...(payload !== undefined && { payload }),
    })
    for (const { name, value, maxAge, expires } of answer.cookies) {
      const isGone = maxAge === 0 || (expires !== undefined && expires.getTime() <= 0)
      if (isGone) cookies.delete(name)
      else cookies.set(name, value)
    }
    return answer
  }

  const follow = async (
    first: Awaited<ReturnType<typeof send>>,
    from: string,
    headers: Record<string, string>,
  ): Promise<Visited> => {
    let answer = first
    let url = from
    for (let i = 0; i < MAX_REDIRECTS && answer.statusCode >= 300 && answer.statusCode < 400; i += 1) {
      const to = new URL(String(answer.headers.location), `${issuer}${url}`)
      if (to.origin !== new URL(issuer).origin)
        return {
          status: answer.statusCode,
          url,
          html: '',
          headers: answer.headers,
          forms: [],
          heading: '',
          left: to,
        }
      url = to.pathname + to.search
      answer = await send('GET', url, { headers })
    }
    const html = answer.body
    const [, heading = ''] = /<h1[^>]*>(.*?)<\/h1>/s.exec(html) ?? []
    return {
      status: answer.statusCode,
      url,
      html,
      headers: answer.headers,
      forms: formsOf(html),
      heading: unescapeHtml(heading.replaceAll(/<[^>]+>/g, '')),
      left: null,
    }
  }

  return {
    cookies,
    async visit(url, headers = {}) {
      const path = url.startsWith(issuer) ? url.slice(issuer.length) : url
      return follow(await send('GET', path, { headers }), path, headers)
    },
    async submit(page, fields = {}, { form: index = 0, headers = {} } = {}) {
      const form = page.forms[index]
      if (!form) throw new Error(`there is no form ${index} on "${page.heading}" (${page.status})`)
      const payload = new URLSearchParams({ ...form.fields, ...fields }).toString()
      const sent = { origin: new URL(issuer).origin, ...headers }
      return follow(await send('POST', form.action, { headers: sent, payload }), form.action, headers)
    },
  }
}
