// What every hosted page is made from, and what it is when it is made. Pure types.
import type { Brand } from '../branding/brand.ts'
import type { Language } from '../languages/language.ts'

/** The application that a person signs in to, as it is registered. */
export type PageClient = {
  name: string
  logoUri: string | null
  clientUri: string | null
  policyUri: string | null
  tosUri: string | null
}

/** What is the same for all pages of a process: made once, at start. */
export type Site = {
  brand: Brand
  /** Where the style sheet and the script are served, their content's hash in the path. */
  assets: { styleHref: string; scriptHref: string; fontHref: string; iconHref: string }
}

export type PageContext = {
  site: Site
  language: Language
  now: Date
  /** Goes into each form as `csrf`; null where a page has no form that needs it. */
  csrf: string | null
  /** Goes into each form as `flow`. */
  flow: string | null
  client: PageClient | null
  /** Where the flow leads back to: its origin is added to `form-action`, which browsers check along redirects. */
  redirectUri: string | null
  /** Name of the account that is signed in. */
  signedInAs: string | null
  /** The same page in other languages; empty where there is no such link. */
  languageLinks: { tag: string; name: string; href: string }[]
}

/** A rendered page, and what its Content-Security-Policy has to allow besides 'self'. */
export type Page = { html: string; csp: { formAction: string[]; imgSrc: string[] } }
