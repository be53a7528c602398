// What a language is. English is the source of the type: a message that another language lacks does not compile.
import type { en } from './en.ts'

export type Language = typeof en
