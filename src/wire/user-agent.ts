// Whatever a caller says of its user agent, as it is kept: short, and text that every store takes. Pure.
const MAX_CHARACTERS = 256

/** What a request may say of the end user's; more of it than is kept, since some are long. */
export const USER_AGENT_LENGTH = 4096

/** Cut between two characters: half of one is no text to PostgreSQL. Null where there is none. */
export const cutUserAgent = (text: string | undefined): string | null => {
  if (!text) return null
  const start = text.slice(0, 2 * MAX_CHARACTERS).toWellFormed()
  return [...start].slice(0, MAX_CHARACTERS).join('')
}
