// The cookies that an answer sets; `cookies.ts` has their names and limits.
import type { FastifyReply } from 'fastify'
import type { Deps } from '../../deps.ts'
import { type BrowserKey, formatBrowserKey } from '../../sessions/browser-key.ts'
import { type CookieKind, cookieName, cookieOptions } from './cookies.ts'
import { sealName, type Visit } from './open-visit.ts'

type CookieDeps = Pick<Deps, 'config'>

const setCookie = ({ config }: CookieDeps, reply: FastifyReply, kind: CookieKind, value: string): void => {
  reply.setCookie(cookieName(config.issuer, kind), value, cookieOptions(config.issuer, kind))
}

const clearCookie = ({ config }: CookieDeps, reply: FastifyReply, kind: CookieKind): void => {
  const { maxAge: _, ...options } = cookieOptions(config.issuer, kind)
  reply.clearCookie(cookieName(config.issuer, kind), options)
}

/** Cookies that every visit may set: the browser's id, and the language that was chosen. */
export const keepVisit = (
  deps: CookieDeps,
  reply: FastifyReply,
  visit: Visit,
  language: string | null,
): void => {
  if (visit.newBrowserId !== null) setCookie(deps, reply, 'browser', visit.newBrowserId)
  if (visit.wishes.chosen !== null && language !== null) setCookie(deps, reply, 'language', language)
}

/** The browser is signed in from now on, or has a new key to its session. */
export const keepSession = (deps: CookieDeps, reply: FastifyReply, key: BrowserKey): void =>
  setCookie(deps, reply, 'session', formatBrowserKey(key))

export const forgetSession = (deps: CookieDeps, reply: FastifyReply): void =>
  clearCookie(deps, reply, 'session')

/** The name to offer at the next sign-in, or none. */
export const keepName = (
  deps: Pick<Deps, 'config' | 'sealer'>,
  reply: FastifyReply,
  name: { username: string; remember: 'remember' | 'forget' },
): void => {
  if (name.remember === 'remember') setCookie(deps, reply, 'name', sealName(deps, name.username))
  else clearCookie(deps, reply, 'name')
}
