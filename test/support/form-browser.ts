// A browser without script: keeps cookies, fills in forms, follows redirects within Postern, and stops where it would
// leave for an application. It calls a test's app directly, or a running Postern over HTTP.
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

type Sent = { headers: Record<string, string>; payload?: string }
type Received = {
  statusCode: number
  headers: Visited['headers']
  body: string
  cookies: { name: string; value: string; maxAge?: number; expires?: Date }[]
}
/** Sends one request to an absolute URL, and follows nothing. */
export type Send = (method: 'GET' | 'POST', url: string, sent: Sent) => Promise<Received>

/** A browser of an app that does not listen. */
export const openBrowser = ({ app, config }: Pick<TestApp, 'app' | 'config'>): Browser =>
  openBrowserThrough([config.issuer], (method, url, sent) =>
    app.inject({ method, url: url.slice(config.issuer.length), ...sent }),
  )

/**
 * A browser that stays within these origins, and stops where it would leave them. The first is what relative URLs
 * are relative to. As every browser on one host, it tells no ports apart: each gets all cookies.
 */
export const openBrowserThrough = (origins: [string, ...string[]], transmit: Send): Browser => {
  const cookies = new Map<string, string>()
  const [home] = origins

  const send = async (method: 'GET' | 'POST', url: URL, { headers, payload }: Sent) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await transmit(method, url.href, {
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

  const follow = async (first: Received, from: URL, headers: Record<string, string>): Promise<Visited> => {
    const shown = (url: URL) => (url.origin === home ? url.pathname + url.search : url.href)
    let answer = first
    let url = from
    for (let i = 0; i < MAX_REDIRECTS && answer.statusCode >= 300 && answer.statusCode < 400; i += 1) {
      const to = new URL(String(answer.headers.location), url)
      if (!origins.includes(to.origin))
        return {
          status: answer.statusCode,
          url: shown(url),
          html: '',
          headers: answer.headers,
          forms: [],
          heading: '',
          left: to,
        }
      url = to
      answer = await send('GET', url, { headers })
    }
    const html = answer.body
    const [, heading = ''] = /<h1[^>]*>(.*?)<\/h1>/s.exec(html) ?? []
    return {
      status: answer.statusCode,
      url: shown(url),
      html,
      headers: answer.headers,
      forms: formsOf(html),
      heading: unescapeHtml(heading.replaceAll(/<[^>]+>/g, '')),
      left: null,
    }
  }

  return {
    cookies,
    async visit(address, headers = {}) {
      const url = new URL(address, home)
      return follow(await send('GET', url, { headers }), url, headers)
    },
    async submit(page, fields = {}, { form: index = 0, headers = {} } = {}) {
      const form = page.forms[index]
      if (!form) throw new Error(`there is no form ${index} on "${page.heading}" (${page.status})`)
      const payload = new URLSearchParams({ ...form.fields, ...fields }).toString()
      const url = new URL(form.action, new URL(page.url, home))
      const sent = { origin: url.origin, ...headers }
      return follow(await send('POST', url, { headers: sent, payload }), url, headers)
    },
  }
}
