// A browser's request to a page: which browser it is, who is signed in there, and which language it wants.
import type { FastifyRequest } from 'fastify'
import type { Origin } from '../../audit/event.ts'
import { originOf } from '../../callers/guard.ts'
import type { Deps } from '../../deps.ts'
import { hashToken } from '../../encryption/opaque-token.ts'
import { openText } from '../../encryption/sealer.ts'
import type { UsedSession } from '../../ephemeral/sessions.ts'
import { browserKeyHash, parseBrowserKey } from '../../sessions/browser-key.ts'
import type { LanguageWishes } from '../languages/select-language.ts'
import { type CookieKind, cookieName } from './cookies.ts'

export type Visit = {
  origin: Origin
  /** A hash of the browser's id. */
  browser: string
  /** The id to set, where the browser has come without one. */
  newBrowserId: string | null
  session: UsedSession | null
  /** The user name that its user wants offered. */
  rememberedName: string | null
  wishes: LanguageWishes
  requestId: string
}

type VisitDeps = Pick<Deps, 'config' | 'ephemeral' | 'sealer' | 'randomBytes' | 'clock'>

const ID_BYTES = 32
const BROWSER_ID = /^[\w-]{43}$/
const NAME_CONTEXT = 'pages.name'

const cookieOf = (deps: Pick<Deps, 'config'>, { cookies }: FastifyRequest, kind: CookieKind): string | null =>
  cookies?.[cookieName(deps.config.issuer, kind)] ?? null

const sessionOf = async (deps: VisitDeps, cookie: string | null, now: Date): Promise<UsedSession | null> => {
  const key = cookie === null ? null : parseBrowserKey(cookie)
  return key && deps.ephemeral.sessions.findByBrowser(key, browserKeyHash(key), now.getTime())
}

/** Sealed, so that nobody who looks at the cookies of a shared device reads names. */
export const sealName = ({ sealer }: Pick<Deps, 'sealer'>, name: string): string =>
  sealer.seal(Buffer.from(name), NAME_CONTEXT)

const openName = ({ sealer }: Pick<Deps, 'sealer'>, sealed: string | null): string | null =>
  sealed === null ? null : openText(sealer, sealed, NAME_CONTEXT)

/** The visit of whoever it is: nothing is asked of the store, so that a page can say that it is away. */
export const strangerOf = (deps: Omit<VisitDeps, 'ephemeral'>, request: FastifyRequest): Visit => {
  const known = cookieOf(deps, request, 'browser')
  const id = known && BROWSER_ID.test(known) ? known : deps.randomBytes(ID_BYTES).toString('base64url')
  const { lang } = (request.query ?? {}) as { lang?: unknown }
  return {
    origin: originOf(request, deps.clock()),
    browser: hashToken(id),
    newBrowserId: id === known ? null : id,
    session: null,
    rememberedName: openName(deps, cookieOf(deps, request, 'name')),
    wishes: {
      chosen: typeof lang === 'string' ? lang : null,
      remembered: cookieOf(deps, request, 'language'),
      acceptLanguage: request.headers['accept-language'] ?? null,
    },
    requestId: request.id,
  }
}

export const openVisit = async (deps: VisitDeps, request: FastifyRequest): Promise<Visit> => {
  const visit = strangerOf(deps, request)
  const session = await sessionOf(deps, cookieOf(deps, request, 'session'), visit.origin.now)
  return { ...visit, session }
}
