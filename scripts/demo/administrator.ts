// Signing the administrator in: with a second factor, which the policy asks of that role. An administrator who
// has none enrolls one first, in the demo's own server as in anybody's.
import { type AuthenticatorApp, openAuthenticatorApp } from './authenticator-app.ts'
import type { Narrator } from './narrator.ts'
import { DemoError, type Postern, Refused, type SignInAnswer, type Tokens } from './postern.ts'
import { ask, askSecretly, canAsk } from './prompt.ts'
import type { DemoServer } from './server.ts'

type Enrollment = { id: string; secret: string; otpauth_uri: string }
type Confirmed = Partial<Tokens> & { recovery_codes?: string[] }

const HOW_TO_GIVE_A_CODE =
  'The administrator has a second factor. Run the demo in a terminal and type the code, or give it as ' +
  'DEMO_ADMIN_CODE (a recovery code will do), or the authenticator’s secret as DEMO_ADMIN_TOTP_SECRET; npm run demo -- --own needs none.'

/** Signs the server's administrator in and returns an access token with `acr` `aal2`. */
export const signInAdministrator = async (
  postern: Postern,
  server: DemoServer,
  narrator: Narrator,
): Promise<string> => {
  const { username } = server.administrator
  const password = server.administrator.password ?? (await askPassword(username))
  const answer = await logIn(postern, username, password)
  if (answer.status === 'challenge_required') return passChallenge(postern, answer.challenge_token, narrator)
  if (answer.status === 'authenticated') {
    const challengeToken = await stepUp(postern, answer.access_token)
    if (challengeToken) return passChallenge(postern, challengeToken, narrator)
  }

  const bearer = answer.status === 'authenticated' ? answer.access_token : answer.enrollment_token
  const confirmed = await enroll(postern, bearer, server, narrator)
  return confirmed.access_token ?? bearer
}

/** Where the policy asks nobody for a second factor, administration does all the same. Null: there is none yet. */
const stepUp = async (postern: Postern, bearer: string): Promise<string | null> => {
  const me = await postern.ask<{ second_factor: { enabled: boolean } }>('GET /v1/me', { bearer })
  if (!me.second_factor.enabled) return null
  const options = { bearer, json: { acr: 'aal2' } }
  return (await postern.ask<{ challenge_token: string }>('POST /v1/me/step-up', options)).challenge_token
}

const askPassword = (username: string): Promise<string> => {
  if (canAsk()) return askSecretly(`Password of "${username}" (the first start has printed it):`)
  throw new DemoError(
    `The demo needs the password of "${username}": set POSTERN_ADMIN_PASSWORD, and POSTERN_ADMIN_USERNAME if the ` +
      'name is another; npm run demo -- --own needs none.',
  )
}

const logIn = async (postern: Postern, username: string, password: string): Promise<SignInAnswer> => {
  try {
    return await postern.ask<SignInAnswer>('POST /v1/login', { json: { username, password } })
  } catch (error) {
    if (!(error instanceof Refused) || error.answer.error !== 'invalid_credentials') throw error
    throw new DemoError(
      `The password of "${username}" is not the right one. The first start has printed it, or took it from ` +
        'POSTERN_ADMIN_PASSWORD; later changes of that variable change nothing.',
    )
  }
}

const giveCode = async (postern: Postern, challengeToken: string, code: string): Promise<string> => {
  const method = /^\d+$/.test(code) ? 'totp' : 'recovery_code'
  const json = { challenge_token: challengeToken, method, code }
  const { access_token } = await postern.ask<Tokens>('POST /v1/challenges/verify', { json })
  return access_token
}

const passChallenge = async (
  postern: Postern,
  challengeToken: string,
  narrator: Narrator,
): Promise<string> => {
  const { DEMO_ADMIN_CODE: code, DEMO_ADMIN_TOTP_SECRET: secret } = process.env
  if (code) return giveCode(postern, challengeToken, code)
  if (secret) {
    const app = openAuthenticatorApp(`otpauth://totp/Postern?secret=${encodeURIComponent(secret)}`, narrator)
    return giveUnusedCode(postern, challengeToken, app)
  }
  if (canAsk())
    return giveCode(postern, challengeToken, await ask('Code of your authenticator app, or a recovery code:'))
  throw new DemoError(HOW_TO_GIVE_A_CODE)
}

/** Runs just before may have used the codes of this time step and the next; the one after them is unused. */
const giveUnusedCode = async (
  postern: Postern,
  challengeToken: string,
  app: AuthenticatorApp,
  codesLeft = 3,
): Promise<string> => {
  try {
    return await giveCode(postern, challengeToken, await app.nextCode())
  } catch (error) {
    if (!(error instanceof Refused) || error.answer.error !== 'invalid_code' || codesLeft === 1) throw error
    return giveUnusedCode(postern, challengeToken, app, codesLeft - 1)
  }
}

const enroll = async (
  postern: Postern,
  bearer: string,
  server: DemoServer,
  narrator: Narrator,
): Promise<Confirmed> => {
  narrator.say('Administrators must have a second factor, and this one has none yet: it is enrolled now.')
  const begun = await postern.ask<Enrollment>('POST /v1/me/authenticators/totp', { bearer, json: {} })
  const typed = server.own || !canAsk() ? '' : await scan(begun, narrator)
  const code = typed || (await openAuthenticatorApp(begun.otpauth_uri, narrator).nextCode())
  const request = `POST /v1/me/authenticators/${begun.id}/confirm`
  const confirmed = await postern.ask<Confirmed>(request, { bearer, json: { code } })
  if (!server.own) showWhatToKeep(begun, confirmed, narrator)
  return confirmed
}

const scan = async (begun: Enrollment, narrator: Narrator): Promise<string> => {
  await narrator.qrCode(begun.otpauth_uri)
  narrator.member('secret', begun.secret)
  return ask('Scan it with your authenticator app and type its code, or Enter to let the demo do it:')
}

/** It is the administrator of a server that stays: without these, nobody else can sign in as that account. */
const showWhatToKeep = (begun: Enrollment, confirmed: Confirmed, narrator: Narrator): void => {
  narrator.say(
    'Keep these; they are shown once. An authenticator app takes the secret, and so does the demo:',
  )
  narrator.member('secret', `DEMO_ADMIN_TOTP_SECRET=${begun.secret}`)
  for (const code of confirmed.recovery_codes ?? []) narrator.member('recovery code', code)
}
