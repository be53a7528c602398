// The steps of the demo, one function each: what an application does, in the order in which its user sees it.
import { randomBytes } from 'node:crypto'
import { type AuthenticatorApp, openAuthenticatorApp } from './authenticator-app.ts'
import { createGateway, forge } from './gateway.ts'
import { brief, type Narrator } from './narrator.ts'
import { DemoError, type Postern, type SignInAnswer, type Tokens } from './postern.ts'

export type Stage = { postern: Postern; narrator: Narrator }
export type User = { id: string; username: string; password: string }
type Challenge = Extract<SignInAnswer, { status: 'challenge_required' }>

export const createAccount = async ({ postern, narrator }: Stage, administrator: string): Promise<User> => {
  const username = `ada-${randomBytes(3).toString('hex')}`
  const password = randomBytes(15).toString('base64url')
  narrator.step('The administrator creates an account')
  const json = { username, password, display_name: 'Ada Lovelace', roles: ['user'] }
  const { id } = await postern.ask<{ id: string }>('POST /v1/admin/accounts', { bearer: administrator, json })
  narrator.member('username', username)
  return { id, username, password }
}

const logIn = ({ postern }: Stage, { username, password }: User): Promise<SignInAnswer> =>
  postern.ask<SignInAnswer>('POST /v1/login', { json: { username, password } })

/** With a policy that requires a second factor of everyone it is an enrollment token, which opens nothing else. */
const logInWithPassword = async (stage: Stage, user: User): Promise<string> => {
  stage.narrator.step('Ada logs in with her password')
  const answer = await logIn(stage, user)
  if (answer.status === 'challenge_required') throw new DemoError('A new account was asked for a code.')
  if (answer.status === 'enrollment_required') return answer.enrollment_token
  stage.narrator.member('acr, amr', `${answer.acr}, ${answer.amr.join(' ')}: a password, and no more`)
  return answer.access_token
}

const enrollTotp = async (
  { postern, narrator }: Stage,
  bearer: string,
): Promise<{ id: string; app: AuthenticatorApp }> => {
  narrator.step('She enrolls her authenticator app: the QR code is shown once')
  const begun = await postern.ask<{ id: string; secret: string; otpauth_uri: string }>(
    'POST /v1/me/authenticators/totp',
    { bearer, json: { name: 'Phone' } },
  )
  await narrator.qrCode(begun.otpauth_uri)
  narrator.member('secret', begun.secret)
  return { id: begun.id, app: openAuthenticatorApp(begun.otpauth_uri, narrator) }
}

const confirmTotp = async (
  { postern, narrator }: Stage,
  bearer: string,
  { id, app }: { id: string; app: AuthenticatorApp },
): Promise<string[]> => {
  narrator.step('One code of the app confirms it; recovery codes come with the first')
  const code = await app.nextCode()
  narrator.member('code', code)
  const { recovery_codes: codes } = await postern.ask<{ recovery_codes: string[] }>(
    `POST /v1/me/authenticators/${id}/confirm`,
    { bearer, json: { code } },
  )
  narrator.member('recovery codes', `${codes.slice(0, 2).join('  ')}  … ${codes.length} in all`)
  return codes
}

const getChallenge = async (stage: Stage, user: User): Promise<Challenge> => {
  const answer = await logIn(stage, user)
  if (answer.status !== 'challenge_required')
    throw new DemoError(`A challenge was due, and the answer is ${answer.status}.`)
  return answer
}

const logInAgain = async (stage: Stage, user: User): Promise<Challenge> => {
  stage.narrator.step('She logs in again: the password alone gets a challenge, and no token')
  const challenge = await getChallenge(stage, user)
  stage.narrator.member('challenge_token', brief(challenge.challenge_token))
  stage.narrator.member('methods', challenge.methods.map(({ method }) => method).join(', '))
  stage.narrator.member('reasons', challenge.reasons.join(', '))
  return challenge
}

const answerOf = ({ challenge_token }: Challenge, method: string, code: string) => ({
  json: { challenge_token, method, code },
})

const giveCode = async (
  { postern, narrator }: Stage,
  challenge: Challenge,
  code: string,
): Promise<Tokens> => {
  narrator.step('She gives the code and receives her tokens')
  narrator.member('code', code)
  const tokens = await postern.ask<Tokens>('POST /v1/challenges/verify', answerOf(challenge, 'totp', code))
  narrator.member('access_token', brief(tokens.access_token))
  narrator.member('refresh_token', brief(tokens.refresh_token))
  narrator.member('acr, amr', `${tokens.acr}, ${tokens.amr.join(' ')}`)
  return tokens
}

const verifyAsGateway = async ({ postern, narrator }: Stage, accessToken: string): Promise<void> => {
  narrator.step('A gateway verifies the access token from the JWKS, with jose and without asking Postern')
  const { issuer } = await postern.ask<{ issuer: string }>('GET /.well-known/oauth-authorization-server')
  const gateway = createGateway({ issuer, jwksUrl: `${postern.url}/.well-known/jwks.json` })
  const claims = await gateway.verify(accessToken)
  for (const name of ['iss', 'sub', 'aud', 'acr', 'amr', 'roles', 'exp']) {
    narrator.member(name, [claims[name]].flat().join(' '))
  }
  narrator.proven('signature, issuer, audience, type and lifetime are right, and a second factor has passed')
  if (await gateway.admits(forge(accessToken, { roles: ['admin'] })))
    throw new DemoError('The gateway has let a forged token pass.')
  narrator.proven('the same token with another role written into it is refused')
}

const showReplayRefused = async (stage: Stage, user: User, usedCode: string): Promise<Challenge> => {
  stage.narrator.step('The same code once more, for a new challenge, is refused')
  const challenge = await getChallenge(stage, user)
  const refusal = await stage.postern.beRefused(
    'POST /v1/challenges/verify',
    'invalid_code',
    answerOf(challenge, 'totp', usedCode),
  )
  stage.narrator.proven(
    `a code is good once; ${refusal.attempts_remaining} attempts remain before the account is locked`,
  )
  return challenge
}

const useRecoveryCode = async (
  { postern, narrator }: Stage,
  challenge: Challenge,
  code: string,
): Promise<Tokens> => {
  narrator.step('Her phone is not at hand: a recovery code passes the same challenge, once')
  narrator.member('recovery code', code)
  const tokens = await postern.ask<Tokens & { recovery_codes_remaining: number }>(
    'POST /v1/challenges/verify',
    answerOf(challenge, 'recovery_code', code),
  )
  narrator.proven(`signed in; ${tokens.recovery_codes_remaining} recovery codes remain`)
  return tokens
}

const refreshForm = (refreshToken: string) => ({
  form: { grant_type: 'refresh_token', client_id: 'postern', refresh_token: refreshToken },
})

const renew = async (
  { postern, narrator }: Stage,
  { refresh_token, expires_in }: Tokens,
): Promise<Tokens> => {
  narrator.step(`An access token lasts ${expires_in / 60} minutes: the refresh token renews it`)
  const renewed = await postern.ask<Tokens>('POST /oauth2/token', refreshForm(refresh_token))
  narrator.member('access_token', brief(renewed.access_token))
  narrator.member('refresh_token', `${brief(renewed.refresh_token)} replaces the old one`)
  return renewed
}

const logOut = async ({ postern, narrator }: Stage, { access_token }: Tokens): Promise<void> => {
  narrator.step('She logs out')
  await postern.ask('POST /v1/logout', { bearer: access_token })
}

const showOldTokensRefused = async ({ postern, narrator }: Stage, tokens: Tokens): Promise<void> => {
  narrator.step('Her old tokens are refused, at once')
  await postern.beRefused('GET /v1/me', 'invalid_token', { bearer: tokens.access_token })
  await postern.beRefused('POST /oauth2/token', 'invalid_grant', refreshForm(tokens.refresh_token))
  narrator.proven('neither the access token nor the refresh token opens anything')
}

/** From the first password to the last refusal. @throws {DemoError} where a step does not end as it should */
export const tellStory = async (stage: Stage, user: User): Promise<void> => {
  const bearer = await logInWithPassword(stage, user)
  const enrollment = await enrollTotp(stage, bearer)
  const [recoveryCode = ''] = await confirmTotp(stage, bearer, enrollment)

  const challenge = await logInAgain(stage, user)
  const code = await enrollment.app.nextCode()
  const tokens = await giveCode(stage, challenge, code)
  await verifyAsGateway(stage, tokens.access_token)

  const secondChallenge = await showReplayRefused(stage, user, code)
  const recovered = await useRecoveryCode(stage, secondChallenge, recoveryCode)

  const renewed = await renew(stage, recovered)
  await logOut(stage, renewed)
  await showOldTokensRefused(stage, renewed)
}

/** Deletes the account, and with it everything that the steps have made. */
export const tidyUp = async (
  { postern, narrator }: Stage,
  administrator: string,
  user: User,
): Promise<void> => {
  narrator.step('The account is deleted and the administrator logs out; the audit log keeps it all')
  await postern.ask(`DELETE /v1/admin/accounts/${user.id}`, { bearer: administrator })
  await postern.ask('POST /v1/logout', { bearer: administrator })
}
