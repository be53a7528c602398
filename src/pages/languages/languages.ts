// The languages that pages are shown in. To add one: copy `en.ts` to a file of its tag, translate it, and list it here;
// the type checker names what is missing.
import { de } from './de.ts'
import { en } from './en.ts'
import type { Language } from './language.ts'

/** The first is shown where a browser asks for none of them. */
export const LANGUAGES: readonly Language[] = [en, de]
