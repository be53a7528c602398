// Every hosted page in every state worth a look, with the names and texts of a small world. Tests walk them, and
// `npm run screenshots` takes their pictures.
import { toString as qrCode } from 'qrcode'
import type { Language } from '../../src/pages/languages/language.ts'
import { accountConsentsPage } from '../../src/pages/views/account-pages.ts'
import { consentPage } from '../../src/pages/views/consent-page.ts'
import type { Page, PageContext, Site } from '../../src/pages/views/context.ts'
import { enrollmentPage, totpEnrollmentPage } from '../../src/pages/views/enrollment-pages.ts'
import { errorPage, formPostPage } from '../../src/pages/views/message-pages.ts'
import { signInPage, stepUpPasswordPage } from '../../src/pages/views/password-pages.ts'
import type { Problem } from '../../src/pages/views/problem.ts'
import { recoveryCodesPage } from '../../src/pages/views/recovery-codes-page.ts'
import {
  addressConfirmedPage,
  checkMailPage,
  confirmAddressPage,
  registerPage,
} from '../../src/pages/views/registration-pages.ts'
import { secondFactorPage } from '../../src/pages/views/second-factor-page.ts'
import { confirmSignOutPage, selectAccountPage, signedOutPage } from '../../src/pages/views/session-pages.ts'

export const NOW = new Date('2026-11-20T09:30:00Z')
const inSeconds = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000)

const SECRET = 'JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP'
export const OTPAUTH_URI = `otpauth://totp/Castle:ada?secret=${SECRET.replaceAll(' ', '')}&issuer=Castle`

/** Each of these may be anything that a person, a client or an operator has typed. */
export const WORLD = {
  account: 'ada',
  client: 'Harbour Books',
  detail: 'ada@example.org',
  purpose: { en: 'delete your account', de: 'Ihr Konto zu löschen' },
}
type World = { account: string; client: string; detail: string; purpose: Record<string, string> }

export const sampleContext = (site: Site, language: Language, world: World = WORLD): PageContext => ({
  site,
  language,
  now: NOW,
  csrf: 'csrf-of-this-browser',
  flow: 'sealed-flow',
  client: {
    name: world.client,
    logoUri: null,
    clientUri: 'https://books.example',
    policyUri: 'https://books.example/privacy',
    tosUri: null,
  },
  redirectUri: 'https://books.example/callback',
  signedInAs: world.account,
  languageLinks: [
    { tag: 'en', name: 'English', href: '?lang=en' },
    { tag: 'de', name: 'Deutsch', href: '?lang=de' },
  ].filter(({ tag }) => tag !== language.tag),
})

const CODES = [
  'K7QM-3F2X-9RTA-W4HD',
  'P8ZN-6YCE-1VJB-5GKS',
  'D3XW-T9RM-Q2FA-7HCN',
  'B6VY-8KJE-4ZPG-1SWD',
  'M1HT-5NQC-R7XA-9FKB',
  'W2GE-J4SD-6VYP-3ZMR',
  'C9KA-7BTN-X5HQ-8WFE',
  'Y4RP-2MZS-D6GJ-1VCK',
  'F8ND-9QWX-3EHB-T7AR',
  'Z5JS-1VKM-P4YC-6GTQ',
]

const SIGN_IN_PROBLEMS: Problem[] = [
  { kind: 'invalid_credentials' },
  { kind: 'too_many_attempts', retryAfterSeconds: 30 },
  { kind: 'account_disabled' },
  { kind: 'username_missing' },
  { kind: 'password_missing' },
  { kind: 'form_expired' },
  { kind: 'cookies_missing' },
  { kind: 'temporarily_unavailable' },
]

const CODE_PROBLEMS: Problem[] = [
  { kind: 'invalid_code' },
  { kind: 'malformed_code' },
  { kind: 'code_missing' },
  { kind: 'account_locked', until: inSeconds(900) },
]

const ERRORS: Problem[] = [
  { kind: 'timed_out' },
  { kind: 'foreign_origin' },
  { kind: 'access_denied' },
  { kind: 'not_found' },
  { kind: 'temporarily_unavailable' },
  { kind: 'unexpected' },
]

const named = (name: string, problems: Problem[], page: (problem: Problem) => Page) =>
  Object.fromEntries(problems.map((problem) => [`${name}-${problem.kind}`, () => page(problem)]))

/** The pages by name, each made when it is asked for. */
export const samplePages = async (
  ctx: PageContext,
  world: World = WORLD,
): Promise<Record<string, () => Page>> => {
  const anonymous = { ...ctx, signedInAs: null }
  const svg = await qrCode(OTPAUTH_URI, { type: 'svg', margin: 0 })
  const purpose = world.purpose[ctx.language.tag] ?? ''
  const signIn = {
    action: '/sign-in',
    username: '',
    remembered: false,
    rememberName: false,
    problem: null,
    registerHref: null,
    reason: null,
  }
  const code = {
    action: '/sign-in/second-factor',
    method: 'totp' as const,
    switchHrefs: { totp: '?method=totp', recovery_code: '?method=recovery_code' },
    digits: 6 as const,
    attemptsRemaining: null,
    expiresAt: inSeconds(290),
    problem: null,
    purpose: 'sign_in' as const,
    reason: null,
    cancelHref: '/cancel',
  }
  const app = {
    action: '/sign-in/enroll/confirm',
    qrSvgDataUri: `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`,
    secretGrouped: SECRET,
    otpauthUri: OTPAUTH_URI,
    accountLabel: world.account,
    digits: 6 as const,
    problem: null,
    expiresAt: inSeconds(900),
    backHref: '/back',
  }
  const codes = {
    action: '/sign-in/saved',
    codes: CODES,
    downloadAction: '/sign-in/recovery-codes.txt',
    downloadName: 'recovery-codes.txt',
    problem: null,
  }
  const register = {
    action: '/register',
    values: { display_name: '', username: '', email: '' },
    problem: null,
    problems: {},
    passwordRules: { minLength: 15 },
    signInHref: '/sign-in',
  }
  return {
    'sign-in': () => signInPage(anonymous, signIn),
    'sign-in-plain': () =>
      signInPage({ ...anonymous, client: null }, { ...signIn, registerHref: '/register' }),
    'sign-in-remembered': () =>
      signInPage(anonymous, { ...signIn, username: world.account, remembered: true }),
    'sign-in-again': () =>
      signInPage(anonymous, { ...signIn, username: world.account, reason: 'sign_in_again' }),
    ...named('sign-in', SIGN_IN_PROBLEMS, (problem) =>
      signInPage(anonymous, { ...signIn, username: world.account, problem }),
    ),
    'step-up-password': () =>
      stepUpPasswordPage(ctx, { action: '/step-up', purpose, problem: null, cancelHref: '/cancel' }),
    'step-up-password-wrong': () =>
      stepUpPasswordPage(ctx, {
        action: '/step-up',
        purpose: null,
        problem: { kind: 'wrong_password' },
        cancelHref: '/cancel',
      }),
    'second-factor': () => secondFactorPage(ctx, code),
    'second-factor-eight': () => secondFactorPage(ctx, { ...code, digits: 8 }),
    'second-factor-recovery': () => secondFactorPage(ctx, { ...code, method: 'recovery_code' }),
    'second-factor-recovery-wrong': () =>
      secondFactorPage(ctx, {
        ...code,
        method: 'recovery_code',
        problem: { kind: 'invalid_code' },
        attemptsRemaining: 1,
      }),
    'second-factor-step-up': () => secondFactorPage(ctx, { ...code, purpose: 'step_up', reason: purpose }),
    ...named('second-factor', CODE_PROBLEMS, (problem) =>
      secondFactorPage(ctx, { ...code, problem, attemptsRemaining: 3 }),
    ),
    enrollment: () =>
      enrollmentPage(ctx, {
        action: '/sign-in/enroll',
        methods: ['totp'],
        required: true,
        problem: null,
        cancelHref: '/cancel',
      }),
    'totp-enrollment': () => totpEnrollmentPage(ctx, app),
    'totp-enrollment-wrong': () =>
      totpEnrollmentPage(ctx, { ...app, problem: { kind: 'code_does_not_fit' } }),
    'recovery-codes': () => recoveryCodesPage(ctx, codes),
    'recovery-codes-not-saved': () => recoveryCodesPage(ctx, { ...codes, problem: { kind: 'not_saved' } }),
    consent: () =>
      consentPage(ctx, {
        action: '/consent',
        scopes: ['openid', 'profile', 'email', 'offline_access', 'books:read'],
        claims: ['phone_number', 'birthdate'],
        problem: null,
      }),
    'select-account': () =>
      selectAccountPage(ctx, {
        action: '/select-account',
        accounts: [{ value: 'current', name: world.account, detail: world.detail }],
        problem: null,
      }),
    'confirm-sign-out': () =>
      confirmSignOutPage(ctx, { action: '/sign-out', cancelHref: '/', problem: null }),
    'signed-out': () =>
      signedOutPage(anonymous, { continueHref: 'https://books.example/', signInHref: '/sign-in' }),
    'error-invalid-request': () =>
      errorPage(anonymous, {
        problem: { kind: 'invalid_request' },
        details: [
          { label: 'error', value: 'invalid_request' },
          {
            label: 'redirect_uri',
            value: 'https://books.example/callbak is not registered for this client.',
          },
        ],
        requestId: '8c1f9d84-2a35-4c0e-9b7e-5d1f60a4a4c2',
        backHref: null,
      }),
    ...named('error', ERRORS, (problem) =>
      errorPage(anonymous, {
        problem,
        details: [],
        requestId: '8c1f9d84-2a35',
        backHref: 'https://books.example/',
      }),
    ),
    'form-post': () =>
      formPostPage(ctx, {
        action: 'https://books.example/callback',
        params: { code: 'pst_ac_x', state: world.detail, iss: 'https://login.example' },
      }),
    register: () => registerPage(anonymous, register),
    'register-wrong': () =>
      registerPage(anonymous, {
        ...register,
        values: { display_name: 'Ada Lovelace', username: world.account, email: world.detail },
        problems: { username: 'taken', email: 'malformed_email', password: 'too_common' },
      }),
    'check-mail': () =>
      checkMailPage(anonymous, {
        email: world.detail,
        codeAction: '/register/code',
        digits: 6,
        expiresAt: inSeconds(3500),
        signInHref: '/sign-in',
        resendAction: '/register/mail',
        resent: true,
        problem: null,
      }),
    'confirm-address': () =>
      confirmAddressPage(anonymous, {
        action: '/register/confirm',
        token: 'pst_rg_x',
        username: world.account,
        email: world.detail,
      }),
    'address-confirmed': () => addressConfirmedPage(anonymous, { signInHref: '/sign-in' }),
    consents: () =>
      accountConsentsPage(ctx, {
        action: '/account/consents',
        consents: [
          {
            clientId: 'harbour-books',
            name: world.client,
            clientUri: 'https://books.example',
            scopes: ['openid', 'profile', 'email'],
            grantedAt: NOW,
          },
          { clientId: 'tide', name: 'Tide Tables', clientUri: null, scopes: ['openid'], grantedAt: NOW },
        ],
        revoked: 'Old Lighthouse',
        signOutHref: '/oauth2/logout',
        problem: null,
      }),
    'consents-none': () =>
      accountConsentsPage(ctx, {
        action: '/account/consents',
        consents: [],
        revoked: null,
        problem: null,
        signOutHref: '/oauth2/logout',
      }),
  }
}
