// The pages' cookies. Each has its browser's alone: `__Host-` binds it to this host and to https (docs/security.md 21);
// on a loopback issuer over http, which is for trying Postern out, the plain name is used. Pure.
import type { CookieSerializeOptions } from '@fastify/cookie'

export type CookieKind = 'session' | 'browser' | 'name' | 'language'

const NAMES: Record<CookieKind, string> = {
  /** The browser's session. */
  session: 'postern',
  /** Which browser it is, for forms and flows; before anyone has signed in, too. */
  browser: 'postern-browser',
  /** The user name to offer at the next sign-in, where its user wants that; sealed. */
  name: 'postern-name',
  /** The language that was chosen. */
  language: 'postern-language',
}

const isSecure = (issuer: string): boolean => issuer.startsWith('https:')

export const cookieName = (issuer: string, kind: CookieKind): string =>
  isSecure(issuer) ? `__Host-${NAMES[kind]}` : NAMES[kind]

const YEAR_SECONDS = 365 * 24 * 60 * 60

/**
 * Lax: the cookies come along when an application sends the browser here, and not with a form that another site posts.
 * The session's ends with the browser, or before, by its own limits; the others are kept.
 */
export const cookieOptions = (issuer: string, kind: CookieKind): CookieSerializeOptions => ({
  path: '/',
  httpOnly: true,
  secure: isSecure(issuer),
  sameSite: 'lax',
  ...(kind !== 'session' && { maxAge: YEAR_SECONDS }),
})
