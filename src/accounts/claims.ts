// The standard claims of an account (OpenID Connect Core 5.1), besides those that it has columns for. They have one name
// everywhere: in a request, in PostgreSQL, in tokens. Pure.
import { type Static, Type } from 'typebox'
import { Nullable, PlainText, Strict } from '../wire/schemas.ts'

const Text = (description?: string) =>
  PlainText({ minLength: 1, maxLength: 128, ...(description !== undefined && { description }) })

const Url = Type.String({ maxLength: 2048, pattern: '^https?://[^\\s\\p{Cc}\\p{Cs}]+$' })

const Line = PlainText({ minLength: 1, maxLength: 256 })

/** OpenID Connect Core 5.1.1; `street_address` and `formatted` may have several lines. */
const Lines = Type.String({ minLength: 1, maxLength: 512, pattern: '^(?:[^\\p{Cc}\\p{Cs}]|\\r?\\n)+$' })

const ADDRESS = {
  formatted: Lines,
  street_address: Lines,
  locality: Line,
  region: Line,
  postal_code: Line,
  country: Line,
}

const CLAIMS = {
  given_name: Text(),
  family_name: Text(),
  middle_name: Text(),
  nickname: Text(),
  profile: Url,
  picture: Url,
  website: Url,
  gender: Text(),
  birthdate: Type.String({
    maxLength: 10,
    pattern: '^[0-9]{4}(-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]))?$',
    description: 'YYYY-MM-DD; YYYY, or 0000-MM-DD, where the rest is not said.',
    examples: ['1815-12-10'],
  }),
  zoneinfo: Type.String({
    maxLength: 64,
    pattern: '^[A-Za-z][A-Za-z0-9_+/-]*$',
    examples: ['Europe/London'],
  }),
  locale: Type.String({
    maxLength: 35,
    pattern: '^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$',
    examples: ['en-GB'],
  }),
  phone_number: Type.String({
    maxLength: 40,
    pattern: '^\\+[1-9][0-9]{1,14}(;ext=[0-9]{1,10})?$',
    description: 'E.164; an extension as in RFC 3966.',
    examples: ['+442071838750'],
  }),
  phone_number_verified: Type.Boolean(),
  email_verified: Type.Boolean({
    description: 'Of the account’s `email`. False again when the address changes.',
  }),
  address: Strict({
    formatted: Type.Optional(ADDRESS.formatted),
    street_address: Type.Optional(ADDRESS.street_address),
    locality: Type.Optional(ADDRESS.locality),
    region: Type.Optional(ADDRESS.region),
    postal_code: Type.Optional(ADDRESS.postal_code),
    country: Type.Optional(ADDRESS.country),
  }),
}

/** What is changed of an account's claims: null takes one away, and what is left out stays. */
export const ClaimChanges = Strict(
  {
    given_name: Type.Optional(Nullable(CLAIMS.given_name)),
    family_name: Type.Optional(Nullable(CLAIMS.family_name)),
    middle_name: Type.Optional(Nullable(CLAIMS.middle_name)),
    nickname: Type.Optional(Nullable(CLAIMS.nickname)),
    profile: Type.Optional(Nullable(CLAIMS.profile)),
    picture: Type.Optional(Nullable(CLAIMS.picture)),
    website: Type.Optional(Nullable(CLAIMS.website)),
    gender: Type.Optional(Nullable(CLAIMS.gender)),
    birthdate: Type.Optional(Nullable(CLAIMS.birthdate)),
    zoneinfo: Type.Optional(Nullable(CLAIMS.zoneinfo)),
    locale: Type.Optional(Nullable(CLAIMS.locale)),
    phone_number: Type.Optional(Nullable(CLAIMS.phone_number)),
    phone_number_verified: Type.Optional(Nullable(CLAIMS.phone_number_verified)),
    email_verified: Type.Optional(Nullable(CLAIMS.email_verified)),
    address: Type.Optional(Nullable(CLAIMS.address)),
  },
  {
    title: 'ClaimChanges',
    description:
      'Standard claims (OpenID Connect Core 5.1). Null takes one away; what is left out stays. `address` is replaced as a whole.',
    examples: [{ given_name: 'Ada', family_name: 'Lovelace', locale: 'en-GB' }],
  },
)
export type ClaimChanges = Static<typeof ClaimChanges>

/** The claims that an account has. */
export const StandardClaims = Type.Object(
  {
    given_name: Type.Optional(Type.String()),
    family_name: Type.Optional(Type.String()),
    middle_name: Type.Optional(Type.String()),
    nickname: Type.Optional(Type.String()),
    profile: Type.Optional(Type.String()),
    picture: Type.Optional(Type.String()),
    website: Type.Optional(Type.String()),
    gender: Type.Optional(Type.String()),
    birthdate: Type.Optional(Type.String()),
    zoneinfo: Type.Optional(Type.String()),
    locale: Type.Optional(Type.String()),
    phone_number: Type.Optional(Type.String()),
    phone_number_verified: Type.Optional(Type.Boolean()),
    email_verified: Type.Optional(Type.Boolean()),
    address: Type.Optional(
      Type.Object({
        formatted: Type.Optional(Type.String()),
        street_address: Type.Optional(Type.String()),
        locality: Type.Optional(Type.String()),
        region: Type.Optional(Type.String()),
        postal_code: Type.Optional(Type.String()),
        country: Type.Optional(Type.String()),
      }),
    ),
  },
  {
    title: 'StandardClaims',
    description: 'Standard claims (OpenID Connect Core 5.1).',
    examples: [{ given_name: 'Ada', family_name: 'Lovelace', email_verified: true }],
  },
)
export type StandardClaims = Static<typeof StandardClaims>
