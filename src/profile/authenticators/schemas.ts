// An account's authenticators over HTTP: requests and answers. Only the answer that begins an enrollment has the secret.
// Pure.
import { type Static, Type } from 'typebox'
import type { Authenticator } from '../../authenticators/authenticator.ts'
import { Code } from '../../authenticators/code.ts'
import { Method } from '../../policy/policy.ts'
import { KEEP_OTHER_SESSIONS } from '../../sessions/schemas.ts'
import { TOKEN_MEMBERS, toTokenAnswer } from '../../sign-in/schemas.ts'
import type { Tokens } from '../../tokens/mint-tokens.ts'
import { Nullable, PlainText, Strict, Timestamp, Uuid } from '../../wire/schemas.ts'
import type { BegunEnrollment } from './begin-totp-enrollment.ts'
import type { EnrolledAuthenticator } from './enroll-authenticator.ts'

export const Name = PlainText({ minLength: 1, maxLength: 64, description: 'What the account calls it.' })

export const AuthenticatorItem = Type.Object({
  id: Uuid,
  type: Type.Literal('totp'),
  name: Type.String({ examples: ['Authenticator app'] }),
  status: Type.Union([Type.Literal('pending'), Type.Literal('active'), Type.Literal('disabled')], {
    description:
      'pending: begun, and not confirmed yet. disabled: after 100 wrong codes in a row; it counts as enrolled.',
  }),
  created_at: Timestamp,
  last_used_at: Nullable(Timestamp),
})
type AuthenticatorItem = Static<typeof AuthenticatorItem>

export const BegunEnrollmentItem = Type.Object({
  id: Uuid,
  secret: Type.String({ description: 'Base32, 160 bits.', examples: ['JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'] }),
  otpauth_uri: Type.String({ examples: ['otpauth://totp/Postern:ada?secret=…&issuer=Postern'] }),
  qr_code: Type.String({ description: 'An SVG data URI.', examples: ['data:image/svg+xml;base64,…'] }),
  expires_in: Type.Integer({ examples: [900] }),
})

export const RecoveryCodes = Type.Array(Type.String(), { examples: [['KX3F-9Q2M-0TZB-7HRW']] })

export const ConfirmedItem = Type.Object(
  {
    authenticator: AuthenticatorItem,
    recovery_codes: Type.Optional(RecoveryCodes),
    status: Type.Optional(Type.Literal('authenticated')),
    ...Type.Partial(Type.Object(TOKEN_MEMBERS)).properties,
  },
  {
    description:
      'With tokens where an enrollment token was used, or where it is the account’s first authenticator.',
  },
)

export const ConfirmBody = Strict(
  {
    code: Type.String({ maxLength: 8, pattern: '^[0-9]{6}$|^[0-9]{8}$', examples: ['492039'] }),
    ...KEEP_OTHER_SESSIONS,
  },
  { examples: [{ code: '492039' }] },
)

export const DisableBody = Strict(
  {
    password: Type.String({ minLength: 1, maxLength: 1024 }),
    method: Method,
    code: Code,
    ...KEEP_OTHER_SESSIONS,
  },
  { examples: [{ password: 'correct horse battery staple', method: 'totp', code: '492039' }] },
)

export const toAuthenticatorItem = ({
  id,
  type,
  name,
  status,
  createdAt,
  lastUsedAt,
}: Authenticator): AuthenticatorItem => ({
  id,
  type,
  name,
  status,
  created_at: createdAt.toISOString(),
  last_used_at: lastUsedAt?.toISOString() ?? null,
})

export const toBegunEnrollmentItem = (begun: BegunEnrollment): Static<typeof BegunEnrollmentItem> => ({
  id: begun.id,
  secret: begun.secret,
  otpauth_uri: begun.otpauthUri,
  qr_code: begun.qrCode,
  expires_in: begun.expiresInSeconds,
})

export const toConfirmedItem = (
  { authenticator, recoveryCodes }: EnrolledAuthenticator,
  tokens: Tokens | null,
): Static<typeof ConfirmedItem> => ({
  authenticator: toAuthenticatorItem(authenticator),
  ...(recoveryCodes && { recovery_codes: recoveryCodes }),
  ...(tokens && { status: 'authenticated' as const, ...toTokenAnswer(tokens) }),
})
