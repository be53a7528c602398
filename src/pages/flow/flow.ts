// A sign-in on its way through the pages. Nothing is stored of it: it travels sealed in each form and page address, so
// that tabs do not disturb each other, going back and reloading work, and visitors cost no memory. It is bound to the
// browser that it was made for, whose cookie it does not contain. Pure.
import { openText, type Sealer } from '../../encryption/sealer.ts'
import type { Asked } from '../../oauth/authorization/answer-authorization.ts'
import type { Method } from '../../policy/policy.ts'
import type { ChallengeOpened } from '../../sign-in/continue-sign-in.ts'

/** A step of the sign-in that something outside of the flow is held for. */
export type Step =
  | {
      kind: 'challenge'
      token: string
      methods: Method[]
      /** Of a TOTP code of the account. */
      digits: 6 | 8
      /** Epoch milliseconds. */
      expiresAtMs: number
      purpose: 'sign_in' | 'step_up'
      username: string
    }
  /** A registration whose address is to be confirmed by a code. */
  | { kind: 'registration'; id: string; email: string; expiresAtMs: number; username: string }
  | { kind: 'enrollment'; token: string; expiresAtMs: number; username: string }
  /** An authenticator that is being enrolled, whose secret has been shown. */
  | { kind: 'confirmation'; token: string; authenticatorId: string; expiresAtMs: number; username: string }

export type Flow = {
  /** Null for a sign-in to Postern's own page. */
  asked: Asked | null
  /** When it was first seen, in epoch milliseconds. */
  seenAtMs: number
  /** The hash of the id of the browser that it was made for. */
  browser: string
  /** What its user has done for it: accounts by id. */
  signedIn: string | null
  selected: string | null
  /** The account that is asked for its consent. */
  asking: string | null
  step: Step | null
  /** Whether its user wants to create an account, or to sign in although it was sent to create one; null: as it was sent. */
  wants: 'register' | 'sign_in' | null
  /** What the page that is redirected to has to say. */
  notice: 'timed_out' | 'mail_sent' | null
}

/** The step is over: whoever goes on has to begin it again. */
export const withoutStep = (flow: Flow, notice: Flow['notice'] = null): Flow => ({
  ...flow,
  step: null,
  notice,
})

/** The step of a challenge that was opened just now. */
export const challengeStep = (
  { token, methods, digits, expiresInSeconds }: ChallengeOpened,
  { purpose, username, now }: { purpose: 'sign_in' | 'step_up'; username: string; now: Date },
): Step => ({
  kind: 'challenge',
  token,
  methods,
  digits,
  expiresAtMs: now.getTime() + expiresInSeconds * 1000,
  purpose,
  username,
})

/** With a number that a change of the shape raises: a flow of another release is one that has expired. */
const CONTEXT = 'pages.flow.1'

/** Longer than anyone leaves a sign-in open, and shorter than what a stolen address would be good for. */
const LIVES_MS = 24 * 60 * 60 * 1000

export const newFlow = (asked: Asked | null, browser: string, now: Date): Flow => ({
  asked,
  seenAtMs: now.getTime(),
  browser,
  signedIn: null,
  selected: null,
  asking: null,
  step: null,
  wants: null,
  notice: null,
})

/** At most about 12 KB, because an authorization request has a limit. */
export const sealFlow = (sealer: Sealer, flow: Flow): string =>
  sealer.seal(Buffer.from(JSON.stringify(flow)), CONTEXT)

/** Null for anything that was not sealed here for this browser, or a day ago. */
export const openFlow = (sealer: Sealer, sealed: string, browser: string, now: Date): Flow | null => {
  const flow = unseal(sealer, sealed)
  return flow && flow.browser === browser && now.getTime() - flow.seenAtMs <= LIVES_MS ? flow : null
}

/**
 * What is left of a flow that cannot go on, because it is too old or its browser has lost its cookie: what was asked for,
 * which anyone may ask for. Nothing of what its user has done.
 */
export const restartedFlow = (sealer: Sealer, sealed: string, browser: string, now: Date): Flow =>
  newFlow(unseal(sealer, sealed)?.asked ?? null, browser, now)

const unseal = (sealer: Sealer, sealed: string): Flow | null => {
  const text = openText(sealer, sealed, CONTEXT)
  return text === null ? null : JSON.parse(text)
}
