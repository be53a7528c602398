// A value for every standard claim that an account can have (OpenID Connect Core 5.1).
import type { TestAccount } from './app.ts'
import type { Setting } from './relying-party.ts'

const CLAIMS = {
  given_name: 'Ada',
  family_name: 'Lovelace',
  middle_name: 'King',
  nickname: 'Ada',
  profile: 'https://ada.example/',
  picture: 'https://ada.example/picture',
  website: 'https://ada.example/',
  gender: 'female',
  birthdate: '1815-12-10',
  zoneinfo: 'Europe/London',
  locale: 'en-GB',
  phone_number: '+442071234567',
  phone_number_verified: true,
  email_verified: true,
  address: { locality: 'London', country: 'United Kingdom' },
}

export const describeAccount = async ({ administer }: Setting, { id }: TestAccount): Promise<void> => {
  const about = { email: `${id}@example.org`, display_name: 'Ada Lovelace' }
  // An address that changes is not verified any more, so the claims come after it.
  for (const body of [about, { claims: CLAIMS }]) {
    const { status, text } = await administer('PATCH', `/v1/admin/accounts/${id}`, body)
    if (status !== 200) throw new Error(`cannot describe: ${text}`)
  }
}
