// PostgreSQL as a server, and as it is embedded: what is tested of SQL holds on both.
import type { Test } from 'tap'
import { openTestApp, type TestApp } from './app.ts'
import { missingServer } from './servers.ts'

export type Engine = { engine: string; skip: string | false; open: (t: Test) => Promise<TestApp> }

export const ENGINES: Engine[] = [
  {
    engine: 'PostgreSQL',
    skip: missingServer('postgres') || missingServer('redis'),
    open: (t) => openTestApp(t),
  },
  {
    engine: 'the embedded PostgreSQL',
    skip: false,
    open: (t) => openTestApp(t, { engines: 'embedded' }),
  },
]
