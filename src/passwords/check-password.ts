// Whether a password may be set (docs/security.md 1 and 2, NIST SP 800-63B 3.1.1.2). Pure: its length, and what an
// attacker tries first. No composition rules: they make passwords alike.

import { type Account, nameKey } from '../accounts/account.ts'
import { requirementReasons } from '../policy/decide.ts'
import type { Policy } from '../policy/policy.ts'
import type { IsCommonPassword } from './common-passwords.ts'

/** In code points, where there is a second factor besides the password. */
const MIN_LENGTH_BESIDE_SECOND_FACTOR = 8
/** In code points, where the password is the only factor. */
export const MIN_LENGTH_ALONE = 15
const MAX_LENGTH = 128

/** A password that repeats a unit shorter than this is refused, whatever the unit is. */
const MIN_UNIT_LENGTH = 4
/** A shorter word with digits after it is not common: the digits may be random. */
const MIN_WORD_LENGTH = 4
/** Shorter names are not compared, because that would refuse too much: a display name may have initials in it. */
const MIN_NAME_LENGTH = 3

/** Whose password it is to be. */
export type PasswordHolder = Pick<
  Account,
  'username' | 'email' | 'displayName' | 'roles' | 'enrolledAuthenticators'
>

export type PasswordRules = {
  minimumLength: number
  accountNames: string[]
  serviceNames: string[]
  isCommon: IsCommonPassword
}

/** In code points, as passwords are compared. */
const passwordLength = (password: string): number => [...password.normalize('NFC')].length

/** Whether the password may be the only factor. */
export const isLongPassword = (password: string): boolean => passwordLength(password) >= MIN_LENGTH_ALONE

/** The shortest password that the account may have, in code points. */
export const minimumPasswordLength = (policy: Policy, holder: PasswordHolder): number => {
  // An account that has enrolled is always asked for its second factor, except while the policy is disabled.
  const asked = policy.enabled && holder.enrolledAuthenticators > 0
  return asked || requirementReasons(policy, holder).length > 0
    ? MIN_LENGTH_BESIDE_SECOND_FACTOR
    : MIN_LENGTH_ALONE
}

const withoutSpaces = (name: string): string => name.replaceAll(/\s+/g, '')

const asNames = (names: readonly (string | null | undefined)[]): string[] => {
  const keys = names.flatMap((name) => (name ? [nameKey(name), withoutSpaces(nameKey(name))] : []))
  return [...new Set(keys)].filter((key) => key.length >= MIN_NAME_LENGTH)
}

/** What the account is called: user name, email address and its local part, display name and its words. */
export const namesOfAccount = ({ username, email, displayName }: PasswordHolder): string[] =>
  asNames([username, email, email?.split('@')[0], displayName, ...(displayName?.split(/\s+/) ?? [])])

/** What the service is called: `issuer` is its URL. */
export const namesOfService = (issuer: string, policy: Policy): string[] =>
  asNames(['postern', new URL(issuer).hostname, policy.totp.issuer])

/** The shortest unit whose repetition, cut off anywhere, is `text`; `text` itself where there is none. */
const repeatedUnit = (text: string): string => {
  for (let length = 1; length < text.length; length += 1) {
    if (text.startsWith(text.slice(length))) return text.slice(0, length)
  }
  return text
}

/** A password without its trivial variations, in several forms; the first two keep its digits. */
const rootsOf = (password: string): [string, string, string, string] => {
  const key = password.toLowerCase()
  const withoutDigits = key.replace(/\d+$/, '')
  return [key, repeatedUnit(key), withoutDigits, repeatedUnit(withoutDigits)]
}

const isCommonAtRoot = (roots: ReturnType<typeof rootsOf>, isCommon: IsCommonPassword): boolean => {
  const [key, unit, ...words] = roots
  return [key, unit, ...words.filter(({ length }) => length >= MIN_WORD_LENGTH)].some(isCommon)
}

export type PasswordFault = {
  kind: 'malformed' | 'too_short' | 'too_long' | 'contains_name' | 'too_common' | 'repetitive'
  /** A sentence for whoever chose it. */
  text: string
}

const fault = (kind: PasswordFault['kind'], text: string): PasswordFault => ({ kind, text })

/** Why a password cannot be accepted; null where it can. */
export const passwordFault = (password: string, rules: PasswordRules): PasswordFault | null => {
  if (!password.isWellFormed()) return fault('malformed', 'The password contains half a character.')
  const normalized = password.normalize('NFC')
  const { length } = [...normalized]
  const { minimumLength } = rules
  if (length < minimumLength)
    return fault('too_short', `The password must have at least ${minimumLength} characters.`)
  if (length > MAX_LENGTH)
    return fault('too_long', `The password must have at most ${MAX_LENGTH} characters.`)

  const roots = rootsOf(normalized)
  const isOneOf = (names: readonly string[]) =>
    roots.some((root) => names.includes(root) || names.includes(withoutSpaces(root)))
  if (isOneOf(rules.accountNames))
    return fault('contains_name', "The password is the account's own name, or little more than that.")
  if (isOneOf(rules.serviceNames))
    return fault('contains_name', "The password is this service's name, or little more than that.")
  if (isCommonAtRoot(roots, rules.isCommon)) {
    const text = 'The password is one of the most common ones, or little more than that; it is tried first.'
    return fault('too_common', text)
  }
  if (repeatedUnit(normalized).length < MIN_UNIT_LENGTH)
    return fault('repetitive', 'The password only repeats a few characters.')
  return null
}
