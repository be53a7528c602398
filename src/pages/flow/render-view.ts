// The page of a step. Pure.

import { consentAsked } from '../../oauth/authorization/consent-asked.ts'
import { oneOf } from '../../oauth/authorization/parameters.ts'
import { REGISTRATION_CODE_DIGITS } from '../../sign-in/registration/registration.ts'
import { consentPage } from '../views/consent-page.ts'
import type { Page, PageContext } from '../views/context.ts'
import { confirmationPage, enrollmentPage } from '../views/enrollment-pages.ts'
import { signInPage } from '../views/password-pages.ts'
import { checkMailPage, type RegisterModel, registerPage } from '../views/registration-pages.ts'
import { secondFactorPage } from '../views/second-factor-page.ts'
import { selectAccountPage } from '../views/session-pages.ts'
import type { Flow, Step } from './flow.ts'
import type { View } from './follow-flow.ts'
import { flowHref } from './page-context.ts'
import type { PageProblem } from './problem-of-error.ts'

/** What was typed into the form that is shown again, or is remembered. */
export type Typed = {
  username: string
  remembered: boolean
  rememberName: boolean
  method: string | null
  /** Into the form of a registration, its password aside. */
  registration: RegisterModel['values']
  /** What is wrong with it. */
  problems: RegisterModel['problems']
}

export const NOTHING_TYPED: Typed = {
  username: '',
  remembered: false,
  rememberName: false,
  method: null,
  registration: { display_name: '', username: '', email: '' },
  problems: {},
}

/** Which form posts where. */
export const ACTIONS = {
  signIn: '/sign-in',
  secondFactor: '/sign-in/second-factor',
  enrollment: '/sign-in/enrollment',
  confirmation: '/sign-in/enrollment/confirmation',
  recoveryCodes: '/sign-in/recovery-codes',
  download: '/sign-in/recovery-codes/download',
  consent: '/sign-in/consent',
  account: '/sign-in/account',
  signOut: '/sign-out',
  register: '/register',
  registrationCode: '/register/code',
  registrationMail: '/register/mail',
  registrationLink: '/register/confirm',
} as const

const challengePage = (
  ctx: PageContext,
  step: Extract<Step, { kind: 'challenge' }>,
  { typed, problem, backHref }: Pick<Rendering, 'typed' | 'problem' | 'backHref'>,
): Page => {
  const [first = 'totp'] = step.methods
  const method = step.methods.find((offered) => offered === typed.method) ?? first
  const others = step.methods.filter((offered) => offered !== method)
  const flow = ctx.flow ?? ''
  return secondFactorPage(ctx, {
    action: ACTIONS.secondFactor,
    method,
    switchHrefs: Object.fromEntries(others.map((other) => [other, flowHref(flow, { method: other })])),
    digits: step.digits,
    attemptsRemaining: problem?.attemptsRemaining ?? null,
    expiresAt: new Date(step.expiresAtMs),
    problem: problem?.problem ?? null,
    purpose: step.purpose,
    reason: null,
    cancelHref: backHref,
  })
}

export type Rendering = {
  view: View
  flow: Flow
  typed: Typed
  problem: PageProblem | null
  /** Of the authenticators that are enrolled from now on. */
  digits: 6 | 8
  /** The other of the two pages that a sign-in begins with; null where there is none. */
  registerHref: string | null
  signInHref: string | null
  minPasswordLength: number
  /** Back to the password, where that is the step before. */
  backHref: string | null
}

export const renderView = (
  ctx: PageContext,
  { view, flow, typed, problem, digits, registerHref, signInHref, backHref, minPasswordLength }: Rendering,
): Page => {
  const shown = problem?.problem ?? null
  if (view.kind === 'register') {
    return registerPage(ctx, {
      action: ACTIONS.register,
      values: typed.registration,
      problem: shown,
      problems: typed.problems,
      passwordRules: { minLength: minPasswordLength },
      signInHref,
    })
  }
  if (view.kind === 'select_account') {
    const { id, username, displayName } = view.account
    const name = displayName ?? username ?? id
    return selectAccountPage(ctx, {
      action: ACTIONS.account,
      accounts: [{ value: id, name, detail: username === name ? null : username }],
      problem: shown,
    })
  }
  if (view.kind === 'consent') {
    return consentPage(ctx, { action: ACTIONS.consent, ...consentAsked(view.request), problem: shown })
  }
  if (view.kind === 'step') {
    const { step } = view
    if (step.kind === 'challenge') return challengePage(ctx, step, { typed, problem, backHref })
    if (step.kind === 'registration') {
      return checkMailPage(ctx, {
        email: step.email,
        codeAction: ACTIONS.registrationCode,
        digits: REGISTRATION_CODE_DIGITS,
        resendAction: ACTIONS.registrationMail,
        resent: flow.notice === 'mail_sent',
        expiresAt: new Date(step.expiresAtMs),
        problem: shown,
        signInHref,
      })
    }
    if (step.kind === 'enrollment') {
      return enrollmentPage(ctx, {
        action: ACTIONS.enrollment,
        methods: ['totp'],
        required: true,
        problem: shown,
        cancelHref: backHref,
      })
    }
    return confirmationPage(ctx, {
      action: ACTIONS.confirmation,
      digits,
      problem: shown,
      againAction: ACTIONS.enrollment,
    })
  }
  const hint = flow.asked ? (oneOf(flow.asked.parameters, 'login_hint') ?? '') : ''
  return signInPage(ctx, {
    action: ACTIONS.signIn,
    username: typed.username || hint,
    remembered: typed.remembered && hint === '',
    rememberName: typed.rememberName,
    problem: shown,
    registerHref,
    reason: view.kind === 'sign_in' && view.reason === 'sign_in_again' ? 'sign_in_again' : null,
  })
}
