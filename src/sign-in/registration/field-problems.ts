// What is wrong with what was typed into the form of a registration. Pure.
import type { TSchema } from 'typebox'
import { DisplayName, Email, Username } from '../../accounts/schemas.ts'
import { AuthError } from '../../errors.ts'
import type { PasswordFault } from '../../passwords/check-password.ts'
import { validated } from '../../wire/validation.ts'

export type RegistrationField = 'display_name' | 'username' | 'email' | 'password'

export type RegistrationGiven = Record<RegistrationField, string>

export type FieldProblem =
  | PasswordFault['kind']
  | 'missing'
  | 'malformed_email'
  | 'malformed_username'
  | 'taken'

export type FieldProblems = Partial<Record<RegistrationField, FieldProblem>>

const fits = (schema: TSchema, value: string): boolean => {
  try {
    validated(schema, value)
    return true
  } catch (error) {
    if (error instanceof AuthError) return false
    throw error
  }
}

/** A user name with an @ would be the email address, and its being taken would show whose address has an account. */
const isUsername = (text: string): boolean => fits(Username, text) && !text.includes('@')

export const fieldProblems = ({
  display_name,
  username,
  email,
  password,
}: RegistrationGiven): FieldProblems => ({
  ...(display_name !== '' && !fits(DisplayName, display_name) && { display_name: 'malformed' }),
  ...(username === ''
    ? { username: 'missing' }
    : !isUsername(username) && { username: 'malformed_username' }),
  ...(email === '' ? { email: 'missing' } : !fits(Email, email) && { email: 'malformed_email' }),
  ...(password === '' && { password: 'missing' }),
})
