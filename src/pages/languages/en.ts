// English. The other languages have the type of this one.
import type { ProblemKind } from '../views/problem.ts'
import { phrasing } from './phrasing.ts'

const { count, duration, fromNow, date } = phrasing('en')

/** A heading, which begins the page's title, and what to do about it. */
type Words = { title: string; text: string }

/** What a problem's words may need. */
type ProblemFacts = { seconds: number; client: string | null }

const problems: { [K in ProblemKind]: Words | ((facts: ProblemFacts) => Words) } = {
  invalid_credentials: {
    title: 'Name and password do not match',
    text: 'Check both and try again. Upper and lower case matter in the password.',
  },
  too_many_attempts: ({ seconds }) => ({
    title: 'Too many attempts',
    text: `To protect accounts, the next attempt is possible ${fromNow(seconds)}.`,
  }),
  account_disabled: {
    title: 'This account is switched off',
    text: 'The password was right, but an administrator has switched the account off. Please contact your administrator.',
  },
  account_locked: ({ seconds }) => ({
    title: 'Too many wrong codes',
    text: `To protect your account, it takes no codes for now. Try again ${fromNow(seconds)}, or ask your administrator to unlock it.`,
  }),
  username_missing: { title: 'Your name is missing', text: 'Enter your user name or email address.' },
  password_missing: { title: 'Your password is missing', text: 'Enter your password.' },
  code_missing: { title: 'The code is missing', text: 'Enter the code.' },
  invalid_code: {
    title: 'That code is not right',
    text: 'Codes change every 30 seconds, and each works once. Enter the one that is shown now.',
  },
  invalid_recovery_code: {
    title: 'That recovery code is not right',
    text: 'Each works only once. Check it, or take the next one on your list.',
  },
  malformed_code: {
    title: 'That is not a complete code',
    text: 'Check that nothing is missing. This attempt was not counted.',
  },
  code_does_not_fit: {
    title: 'That code does not fit',
    text: 'Wait for the next code in your app and enter that. If it fails again, scan the QR code once more.',
  },
  wrong_password: { title: 'That password is not right', text: 'Check it and try again.' },
  choice_missing: { title: 'Nothing is chosen', text: 'Choose one to go on.' },
  not_saved: { title: 'Please save the codes first', text: 'Save them, then tick the box.' },
  wrong_mail_code: { title: 'That code is not right', text: 'Enter the one in the latest mail.' },
  registration_over: {
    title: 'This registration is over',
    text: 'If you have confirmed your address already, sign in. If not, the link or the code was not used within an hour, or the code was wrong too often: begin again.',
  },
  registration_taken: {
    title: 'Somebody was faster',
    text: 'The user name or the address has been taken meanwhile. Create your account with another name, or sign in if it is yours.',
  },
  form_expired: {
    title: 'This page was open for too long',
    text: 'Nothing was sent. What you typed is still here, except for passwords and codes: please enter those again.',
  },
  cookies_missing: {
    title: 'Your browser sent no cookie',
    text: 'Signing in needs cookies. Allow them for this site, then try again.',
  },
  timed_out: {
    title: 'This sign-in took too long',
    text: 'For your security it has ended. Go back to where you came from and sign in again.',
  },
  temporarily_unavailable: {
    title: 'Signing in is not possible right now',
    text: 'This is our fault and is usually over within a minute. Please try again shortly.',
  },
  foreign_origin: {
    title: 'This form came from another site',
    text: 'For your security nothing was done with it. Go back to where you came from and begin again.',
  },
  invalid_request: ({ client }) => ({
    title: 'This link does not work',
    text: client
      ? `${client} sent a request that cannot be answered. Please tell its makers; what is below helps them.`
      : 'The application sent a request that cannot be answered. Please tell its makers; what is below helps them.',
  }),
  access_denied: {
    title: 'You have no access to this',
    text: 'Your account may not do this. If you think that it should, contact your administrator.',
  },
  not_found: {
    title: 'There is no such page',
    text: 'Check the address, or go back to where you came from.',
  },
  unexpected: {
    title: 'Something went wrong',
    text: 'This is our fault. Please try again. If it happens again, tell your administrator the number below.',
  },
}

export const en = {
  tag: 'en',
  /** As its speakers call it. */
  name: 'English',
  phrasing: { count, duration, fromNow, date },
  problems,

  common: {
    error: 'Error',
    continue: 'Continue',
    cancel: 'Cancel',
    back: 'Back',
    optional: 'optional',
    signedInAs: (name: string) => `Signed in as ${name}`,
    continueTo: (client: string) => `to continue to ${client}`,
    language: 'Language',
    links: 'More about this service',
    privacyOf: (client: string) => `Privacy at ${client}`,
    termsOf: (client: string) => `Terms of ${client}`,
    requestId: 'Number of this request',
    timeLeft: (seconds: number) => `Time left: ${duration(seconds)}`,
    /** `{time}` is replaced by script, as 4:59. */
    timeLeftPattern: 'Time left: {time}',
    oneMinuteLeft: 'One minute left.',
    timeIsUp: 'The time is up. Go back and begin again.',
  },

  signIn: {
    title: 'Sign in',
    again: 'Please sign in again',
    againText: 'For your security, a fresh sign-in is needed.',
    againFor: (client: string) => `${client} asks for a fresh sign-in.`,
    username: 'User name or email address',
    password: 'Password',
    showPassword: 'Show password',
    hidePassword: 'Hide password',
    remember: 'Remember my name on this device',
    submit: 'Sign in',
    noAccount: 'No account yet?',
    register: 'Create one',
  },

  secondFactor: {
    stepUpTitle: 'Confirm that it is you',
    stepUpFor: (what: string) => `This is needed to ${what}.`,
    stepUpAsked: (client: string) => `${client} asks for this.`,
    totp: {
      title: 'Enter your code',
      text: (digits: number) => `Open your authenticator app and enter the ${digits} digits it shows.`,
      label: (digits: number) => `${digits}-digit code`,
      use: 'Use your authenticator app',
    },
    recovery_code: {
      title: 'Use a recovery code',
      text: 'Enter one of the codes that you saved when you set up your second factor. Each works once.',
      label: 'Recovery code',
      use: 'Use a recovery code',
    },
    submit: 'Confirm',
    attemptsRemaining: (attempts: number) =>
      count(attempts, { one: '# attempt left before the account is locked.', other: '# attempts left.' }),
    cancel: 'Cancel and go back',
  },

  stepUp: {
    title: 'Confirm that it is you',
    text: 'Enter your password to go on.',
    submit: 'Confirm',
  },

  enrollment: {
    title: 'Protect your account',
    text: 'Besides your password, a second proof keeps others out, even if they learn your password.',
    required: 'Your organisation asks for this. It takes about a minute.',
    choose: 'How do you want to confirm that it is you?',
    totp: { name: 'Authenticator app', text: 'An app on your phone shows a new code every 30 seconds.' },
    submit: 'Continue',
    step: (step: number, of: number) => `Step ${step} of ${of}`,
    totpTitle: 'Connect your authenticator app',
    totpScan: 'Open your authenticator app and scan this QR code.',
    noApp: 'No app yet?',
    noAppText:
      'Google Authenticator, Microsoft Authenticator, Aegis, 2FAS, 1Password and many others work. Any of them is in the app store of your phone.',
    qrAlt: 'QR code for your authenticator app. The setup key below is the same in text.',
    openApp: 'Open in an app on this device',
    cannotScan: 'You cannot scan it?',
    key: 'Setup key',
    keyText: 'Enter this key in your app, as a time-based code.',
    account: 'Account',
    copy: 'Copy',
    copied: 'Copied',
    codeLabel: (digits: number) => `${digits}-digit code from the app`,
    confirm: 'Confirm',
    againText: 'The QR code and the key were shown once. If your app has no entry yet, begin again.',
    again: 'Begin again with a new QR code',
  },

  recoveryCodes: {
    title: 'Save your recovery codes',
    text: 'If you lose your phone, one of these lets you sign in. Each works once. They are shown only now.',
    listLabel: 'Recovery codes',
    copy: 'Copy',
    copied: 'Copied',
    download: 'Download',
    print: 'Print',
    printedFor: (service: string) => `Recovery codes for ${service}`,
    printedAccount: (account: string) => `Account: ${account}`,
    printedDate: (when: Date) => `Made on ${date(when)}`,
    printedText: 'Each code works once. Keep this page where others cannot see it.',
    saved: 'I have saved them in a safe place',
    submit: 'Continue',
  },

  consent: {
    title: (client: string) => `${client} asks for access`,
    text: (client: string) => `If you allow it, ${client} can:`,
    scopes: {
      openid: 'Know who you are at this service',
      profile: 'See your name and profile',
      email: 'See your email address',
      phone: 'See your phone number',
      address: 'See your postal address',
      roles: 'See your roles',
      offline_access: 'Keep access while you are away',
    },
    otherScope: (scope: string) => `Use “${scope}”`,
    about: (client: string) => `About ${client}`,
    claims: 'It asks for these details:',
    allow: 'Allow',
    deny: 'Do not allow',
    revocable: 'You can take this back at any time in your account.',
  },

  selectAccount: {
    title: 'Choose an account',
    current: 'Signed in',
    other: 'Use another account',
  },

  signOut: {
    title: 'Sign out?',
    text: (name: string) => `You are signed in as ${name}.`,
    textFor: (client: string) =>
      `${client} asks to sign you out here, and of all applications that you reached from here.`,
    everywhere: 'You will be signed out here, and of all applications that you reached from here.',
    submit: 'Sign out',
    cancel: 'Stay signed in',
    doneTitle: 'You are signed out',
    doneText: 'You can close this window now. On a shared computer, close the whole browser.',
    again: 'Sign in again',
    backTo: (client: string) => `Back to ${client}`,
  },

  error: {
    back: 'Go back',
    details: 'For the makers of the application',
  },

  formPost: {
    title: 'One moment',
    text: 'You are signed in, and are being sent back.',
    textTo: (client: string) => `You are being sent back to ${client}.`,
    submit: 'Continue',
    noScript: 'Press the button to go on.',
  },

  register: {
    title: 'Create your account',
    username: 'User name',
    email: 'Email address',
    emailHint: 'We send a message there to confirm it.',
    displayName: 'Your name',
    password: 'Password',
    passwordHint: (length: number) =>
      `At least ${count(length, { one: '# character', other: '# characters' })}. A few unrelated words make a good one.`,
    submit: 'Create account',
    haveAccount: 'You have an account?',
    signIn: 'Sign in',
    problemTitle: 'Something needs your attention',
    problems: {
      missing: 'This is missing.',
      malformed: 'This does not look right.',
      malformed_email: 'This is not a complete email address, such as ada@example.org.',
      malformed_username:
        'Use letters, digits, dots, dashes and underscores, beginning with a letter or digit.',
      taken: 'This is taken. Choose another.',
      too_short: 'This is too short.',
      too_long: 'This is too long.',
      too_common: 'This password is widely known. Choose another.',
      contains_name: 'The password must not contain your name or the name of this service.',
      repetitive: 'This only repeats a few characters. Choose another.',
    },
  },

  checkMail: {
    title: 'Check your mail',
    text: (address: string) =>
      `We have sent a message to ${address}. Enter the code that is in it, or open its link.`,
    code: (digits: number) => `${digits}-digit code from the mail`,
    submit: 'Confirm',
    hint: 'Nothing there after a few minutes? Look in the spam folder.',
    resend: 'Send it again',
    resent: 'We have sent it again.',
  },

  confirmAddress: {
    title: 'Confirm your address',
    text: (username: string, address: string) =>
      `An account with the user name ${username} will be created for ${address}.`,
    submit: 'Create account',
    notYou: 'If that was not you, close this page: there will be no account.',
  },

  addressConfirmed: {
    title: 'Your account is ready',
    text: 'Your address is confirmed. Sign in with your user name and password; if you came from an application, go back to it.',
  },

  registrationMail: {
    subject: (service: string) => `Confirm your address for ${service}`,
    text: (service: string) =>
      `Somebody, probably you, wants to create an account at ${service} with this address.`,
    confirm: 'Confirm the address',
    code: 'Or enter this code on the page where you began:',
    validFor: 'Link and code are good for one hour, and once.',
    notYou: 'If that was not you, do nothing: there will be no account.',
    knownSubject: (service: string) => `You have an account at ${service}`,
    knownText: (service: string, username: string | null) =>
      `Somebody, probably you, wanted to create an account at ${service} with this address. You have one already${username === null ? '' : `; its user name is ${username}`}.`,
    signIn: 'Sign in',
    knownNotYou: 'If that was not you, do nothing: your account is as it was.',
  },

  consents: {
    title: 'Applications with access',
    text: 'You have allowed these applications to see details of your account.',
    none: 'No application has access to your account.',
    since: (when: Date) => `Since ${date(when)}`,
    revoke: 'Take back',
    revokeFor: (client: string) => `Take back the access of ${client}`,
    revoked: (client: string) => `${client} has no access any more.`,
  },
}
