// Which language a page is shown in. Pure.
import Negotiator from 'negotiator'
import { en } from './en.ts'
import type { Language } from './language.ts'
import { LANGUAGES } from './languages.ts'

/** What asks for a language, the strongest first; each may be missing or malformed. */
export type LanguageWishes = {
  /** Chosen on the page itself. */
  chosen?: string | null
  /** OpenID Connect Core 3.1.2.1: tags separated by spaces, in order of preference. */
  uiLocales?: string | null
  /** What the cookie `lang` remembers of an earlier choice. */
  remembered?: string | null
  /** RFC 9110 12.5.4. */
  acceptLanguage?: string | null
}

const TAGS = LANGUAGES.map(({ tag }) => tag)

/** A list in order of preference, as the header has it. */
const asHeader = (tags: string): string =>
  tags
    .split(/\s+/)
    .filter((tag) => /^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$/.test(tag))
    .slice(0, 9)
    .map((tag, index) => `${tag};q=0.${9 - index}`)
    .join(',')

const matching = (header: string): Language | null => {
  if (header === '') return null
  const tag = new Negotiator({ headers: { 'accept-language': header } }).language(TAGS)
  return LANGUAGES.find((language) => language.tag === tag) ?? null
}

export const selectLanguage = ({
  chosen,
  uiLocales,
  remembered,
  acceptLanguage,
}: LanguageWishes): Language => {
  for (const tags of [chosen, uiLocales, remembered]) {
    const found = matching(asHeader(tags ?? ''))
    if (found) return found
  }
  return matching(acceptLanguage ?? '') ?? en
}
