// A module of the suite, as a test of its name.
import type { Test } from 'tap'
import type { Setting } from '../../support/relying-party.ts'

export type Modules = Record<string, (t: Test, setting: Setting) => Promise<void>>
