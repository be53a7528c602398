// The answers of every sign-in, shared by the routes that sign in or renew. Pure.
import { type Static, Type } from 'typebox'
import { Acr } from '../sessions/schemas.ts'
import type { AccessToken, GrantTokens, Tokens } from '../tokens/mint-tokens.ts'
import { Uuid } from '../wire/schemas.ts'
import type { PassedChallenge } from './attempt-challenge.ts'
import type { ChallengeOpened, SignInAnswered } from './continue-sign-in.ts'
import type { VouchedSignIn } from './open-challenge.ts'

const EXAMPLE_JWT = 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2lnbmF0dXJl'

export const TOKEN_MEMBERS = {
  access_token: Type.String({ examples: [EXAMPLE_JWT] }),
  token_type: Type.Union([Type.Literal('Bearer'), Type.Literal('DPoP')], {
    description: '`DPoP` for a token that is bound to a key (RFC 9449).',
    examples: ['Bearer'],
  }),
  expires_in: Type.Integer({ examples: [600] }),
  id_token: Type.String({ examples: [EXAMPLE_JWT] }),
  refresh_token: Type.String({ examples: ['pst_rt_…'] }),
  scope: Type.String({ examples: ['openid profile email offline_access'] }),
  sub: Type.String({ description: 'The account, as the client knows it.' }),
  subject: Type.Optional(
    Type.String({
      description: 'The client’s own name for the account, where it has one.',
      examples: ['user-42'],
    }),
  ),
  sid: Uuid,
  acr: Acr,
  amr: Type.Array(Type.String(), { examples: [['pwd', 'otp', 'mfa']] }),
  auth_time: Type.Integer({ description: 'Epoch seconds.', examples: [1795255800] }),
}

/** Whom a challenge is for, in the words of the backend that opened it, which compares this with whom it meant. */
const VOUCHED_MEMBERS = {
  subject: TOKEN_MEMBERS.subject,
  username: Type.Optional(
    Type.String({
      description: 'The account’s user name, where a backend opened a challenge for one of Postern’s own.',
      examples: ['ada'],
    }),
  ),
}

export const Authenticated = Type.Object(
  {
    status: Type.Literal('authenticated'),
    ...TOKEN_MEMBERS,
    recovery_codes_remaining: Type.Optional(Type.Integer()),
    username: VOUCHED_MEMBERS.username,
  },
  { title: 'Authenticated' },
)

export const ChallengeRequired = Type.Object(
  {
    status: Type.Literal('challenge_required'),
    challenge_token: Type.String({ examples: ['pst_ch_…'] }),
    expires_in: Type.Integer({ examples: [300] }),
    methods: Type.Array(Type.Object({ method: Type.String() }), {
      examples: [[{ method: 'totp' }, { method: 'recovery_code' }]],
    }),
    reasons: Type.Array(Type.String(), { examples: [['role_requires_second_factor']] }),
    ...VOUCHED_MEMBERS,
  },
  { title: 'ChallengeRequired' },
)

const EnrollmentRequired = Type.Object(
  {
    status: Type.Literal('enrollment_required'),
    enrollment_token: Type.String({ examples: ['pst_en_…'] }),
    expires_in: Type.Integer({ examples: [900] }),
    methods: Type.Array(Type.String(), { examples: [['totp']] }),
    reasons: Type.Array(Type.String(), { examples: [['role_requires_second_factor']] }),
    ...VOUCHED_MEMBERS,
  },
  { title: 'EnrollmentRequired' },
)

export const SignInAnswer = Type.Union([Authenticated, ChallengeRequired, EnrollmentRequired])
type SignInAnswer = Static<typeof SignInAnswer>

const TokenMembers = Type.Object(TOKEN_MEMBERS)
export type TokenAnswer = Static<typeof TokenMembers>

/** RFC 6749 5.1. */
export const toAccessTokenAnswer = ({ accessToken, tokenType, expiresInSeconds, scope }: AccessToken) => ({
  access_token: accessToken,
  token_type: tokenType,
  expires_in: expiresInSeconds,
  scope,
})

export const toTokenAnswer = (tokens: Tokens): TokenAnswer => ({
  ...toGrantAnswer(tokens),
  id_token: tokens.idToken,
  refresh_token: tokens.refreshToken,
})

/** The token endpoint's: without an ID token where the scope has no `openid`, and a refresh token where there is none. */
export const toGrantAnswer = (tokens: GrantTokens) => ({
  ...toAccessTokenAnswer(tokens),
  ...(tokens.idToken !== null && { id_token: tokens.idToken }),
  ...(tokens.refreshToken !== null && { refresh_token: tokens.refreshToken }),
  sub: tokens.sub,
  ...(tokens.subject !== null && { subject: tokens.subject }),
  sid: tokens.sid,
  acr: tokens.acr,
  amr: tokens.amr,
  auth_time: tokens.authTime,
})

/** What answers a challenge: in the answer of a sign-in, and in the error of a renewal. */
export const toChallengeMembers = ({ token, expiresInSeconds, methods }: ChallengeOpened) => ({
  challenge_token: token,
  expires_in: expiresInSeconds,
  methods: methods.map((method) => ({ method })),
})

export const toChallengeRequired = (opened: ChallengeOpened): Static<typeof ChallengeRequired> => ({
  status: opened.status,
  ...toChallengeMembers(opened),
  reasons: opened.reasons,
})

export const toSignInAnswer = (result: SignInAnswered): SignInAnswer => {
  if (result.status === 'authenticated') return { status: result.status, ...toTokenAnswer(result.tokens) }
  if (result.status === 'challenge_required') return toChallengeRequired(result)
  const { status, token, expiresInSeconds, methods, reasons } = result
  return { status, enrollment_token: token, expires_in: expiresInSeconds, methods, reasons }
}

export const toVouchedAnswer = (
  signIn: SignInAnswered,
  { subject, username }: VouchedSignIn,
): SignInAnswer => ({
  ...toSignInAnswer(signIn),
  ...(subject !== null && { subject }),
  ...(username !== null && { username }),
})

export const toPassedAnswer = (
  tokens: Tokens,
  passed: PassedChallenge<unknown>,
): Static<typeof Authenticated> => ({
  status: 'authenticated',
  ...toTokenAnswer(tokens),
  ...(passed.username !== null && { username: passed.username }),
  ...(passed.recoveryCodesRemaining !== null && { recovery_codes_remaining: passed.recoveryCodesRemaining }),
})

/** Checks only that a challenge token is text of a sane length; its form is checked where it is read. */
export const OpaqueToken = Type.String({ minLength: 1, maxLength: 256, pattern: '^[\\w-]+$' })

export const ScopeText = Type.String({
  maxLength: 512,
  pattern: '^[\\x21\\x23-\\x5B\\x5D-\\x7E]+( [\\x21\\x23-\\x5B\\x5D-\\x7E]+)*$',
  description: 'Space-separated (RFC 6749 3.3).',
})
