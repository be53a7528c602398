// A session for a browser: its holder gets a cookie, and clients get grants in it later. Pure but for the randomness.
import type { ListedSession } from '../ephemeral/sessions.ts'
import type { Policy } from '../policy/policy.ts'
import { type BrowserKey, browserKeyHash, newBrowserKey } from './browser-key.ts'
import { newSession, type SessionMaker } from './new-session.ts'

/**
 * `current`: the browser's session as it signs in or steps up. Decision: of the same account it goes on under its public
 * id, with a new key (docs/security.md 21): what clients got in it stays theirs, as it was granted, and they are signed
 * out together. Another account gets another session. `policy` sets its limits, for all clients alike: what one of them
 * makes stricter counts for its own grants.
 */
export const newBrowserSession =
  (current: ListedSession | null, policy: Policy): SessionMaker<BrowserKey> =>
  (deps, _tightened, grounds, now) => {
    const { session } = newSession(deps, policy, grounds, now)
    const continued = current?.accountId === session.accountId ? current : null
    const sid = continued?.sid ?? session.sid
    const key = newBrowserKey(session.accountId, sid, deps.randomBytes)
    return {
      credentials: key,
      session: {
        ...session,
        sid,
        clientId: continued?.clientId ?? session.clientId,
        clientRegisteredAt: continued?.clientRegisteredAt ?? session.clientRegisteredAt,
        createdAt: continued?.createdAt ?? session.createdAt,
        browserKeyHash: browserKeyHash(key),
        grant: null,
        replacesSid: continued?.sid ?? null,
      },
    }
  }
