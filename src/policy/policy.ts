// The policy's members, their ranges and defaults. This one schema is the source of the type, of what
// `PATCH /v1/admin/policy` admits, and of the table in docs/administer.md.
import { type Static, Type } from 'typebox'
import { RoleName } from '../accounts/schemas.ts'

/** Answers to a challenge that can be allowed. */
export const Method = Type.Union([Type.Literal('totp'), Type.Literal('recovery_code')])
export type Method = Static<typeof Method>

const seconds = (minimum: number, maximum: number, description: string) =>
  Type.Integer({ minimum, maximum, description })

const MINUTE = 60
const HOUR = 3600
const DAY = 86_400

/** An account never has more sessions than this (docs/security.md 23). */
const MAX_SESSIONS = 100

export const Policy = Type.Object(
  {
    enabled: Type.Boolean({ description: 'False: nobody is asked for a second factor.' }),
    required_roles: Type.Array(RoleName, {
      maxItems: 100,
      uniqueItems: true,
      description: 'Accounts with one of these roles must pass a second factor.',
    }),
    required_for_all: Type.Boolean({ description: 'Every account must pass a second factor.' }),
    allowed_methods: Type.Array(Method, {
      minItems: 1,
      maxItems: 2,
      uniqueItems: true,
      contains: Type.Literal('totp'),
      description: 'Answers that count as a second factor.',
    }),
    totp: Type.Object(
      {
        issuer: Type.String({
          minLength: 1,
          maxLength: 64,
          pattern: '^[^:\\p{Cc}\\p{Cs}]+$',
          description: 'The name that authenticator apps show.',
        }),
        algorithm: Type.Union([Type.Literal('SHA1'), Type.Literal('SHA256'), Type.Literal('SHA512')]),
        digits: Type.Union([Type.Literal(6), Type.Literal(8)]),
      },
      {
        additionalProperties: false,
        description: 'For new TOTP authenticators; those enrolled stay as they are.',
      },
    ),
    challenge_ttl: seconds(30, HOUR, 'How long a challenge can be answered.'),
    max_failed_attempts: Type.Integer({
      minimum: 1,
      maximum: 100,
      description: 'Wrong codes in a row before the account is locked.',
    }),
    lockout: seconds(1, DAY, 'How long it is locked.'),
    recovery_code_count: Type.Integer({ minimum: 5, maximum: 20, description: 'Codes in a new set.' }),
    second_factor_max_age: seconds(MINUTE, 30 * DAY, 'How long a second factor counts within a session.'),
    max_sessions_per_account: Type.Union([Type.Integer({ minimum: 1, maximum: MAX_SESSIONS }), Type.Null()], {
      description: `Beyond this many, the session that has been idle longest is ended; null for ${MAX_SESSIONS}.`,
    }),
    session_idle: seconds(1, 30 * DAY, 'A session ends after this long without use.'),
    session_absolute: seconds(1, 90 * DAY, 'A session ends after this long in any case.'),
    trusted_device_days: Type.Integer({
      minimum: 0,
      maximum: 0,
      description: 'Remembered devices are not available yet; 0 is the only value.',
    }),
    enrollment_grace_days: Type.Integer({
      minimum: 0,
      maximum: 90,
      description: 'Days a new account may sign in without the second factor it must enroll.',
    }),
    self_registration: Type.Boolean({
      description: 'People may create an account themselves, once they have confirmed their address by mail.',
    }),
    admin_networks: Type.Array(Type.String({ maxLength: 64, format: 'network' }), {
      maxItems: 100,
      uniqueItems: true,
      description: 'Where administrators may act from (addresses or CIDR networks); empty for anywhere.',
    }),
    max_failed_passwords: Type.Integer({
      minimum: 1,
      maximum: 100,
      description:
        'Wrong passwords before a wait. Each name that is typed has a count of them. Each account has one for every ' +
        'network that it has signed in from, and one for all other networks together.',
    }),
    max_failed_passwords_per_network: Type.Integer({
      minimum: 1,
      maximum: 100_000,
      description: 'Wrong passwords from one network (IPv4 /32, IPv6 /64) within password_window.',
    }),
    password_window: seconds(
      1,
      DAY,
      'The window of max_failed_passwords_per_network, and the first wait after max_failed_passwords. Each further ' +
        'wait is longer, up to a day.',
    ),
  },
  { additionalProperties: false },
)
export type Policy = Static<typeof Policy>

export const DEFAULT_POLICY: Policy = {
  enabled: true,
  required_roles: ['admin'],
  required_for_all: false,
  allowed_methods: ['totp', 'recovery_code'],
  totp: { issuer: 'Postern', algorithm: 'SHA1', digits: 6 },
  challenge_ttl: 5 * MINUTE,
  max_failed_attempts: 5,
  lockout: 15 * MINUTE,
  recovery_code_count: 10,
  second_factor_max_age: 8 * HOUR,
  max_sessions_per_account: null,
  session_idle: HOUR,
  session_absolute: DAY,
  trusted_device_days: 0,
  enrollment_grace_days: 0,
  self_registration: false,
  admin_networks: [],
  max_failed_passwords: 20,
  max_failed_passwords_per_network: 200,
  password_window: 15 * MINUTE,
}

/** A session that has passed a second factor this recently may change factors (docs/security.md 18), in seconds. */
export const FRESH_SECOND_FACTOR_SECONDS = 15 * MINUTE

/** Enrollment tokens and pending authenticators live this long (docs/security.md 12), in seconds. */
export const ENROLLMENT_TTL_SECONDS = 15 * MINUTE

/** How many sessions an account may have. */
export const maxSessions = ({ max_sessions_per_account: allowed }: Policy): number =>
  Math.min(allowed ?? MAX_SESSIONS, MAX_SESSIONS)

/** The failed-attempt budget of an account's second factor, in the form that the store counts by. */
export const attemptLimits = (policy: Policy): { maxFailedAttempts: number; lockoutSeconds: number } => ({
  maxFailedAttempts: policy.max_failed_attempts,
  lockoutSeconds: policy.lockout,
})
