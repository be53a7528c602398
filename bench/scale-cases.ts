// The requests to a filled database: every list, every kind of search, and the ways to sign in.
import { encodeCursor } from '../src/wire/page-cursor.ts'
import { httpRequest, postJson } from './connection.ts'
import type { Bench } from './prepare.ts'
import { OLD_DOMAIN, OLD_ROLE, PASSWORD, RARE_ROLE } from './scale-fill.ts'
import { SCENARIOS } from './scenarios.ts'

/** A filled database, its server, and the accounts that send requests. */
export type Filled = {
  accounts: number
  port: number
  bench: Bench
  /** Access tokens of an administrator and of the account with the most events. */
  bearers: { administrator: string; busiest: string }
  busiestId: string
  /** Some accounts of Postern's own without a second factor. */
  some: { id: string; username: string; email: string }[]
  /** In the middle of the accounts, and of the events. */
  middle: { accountId: string; occurredAt: Date; eventId: string }
  /** Renews the access tokens in time. */
  renew(): Promise<void>
  close(): Promise<void>
}

export type Case = { name: string; prepare: (filled: Filled, count: number) => Promise<Buffer[]> }

const times = (count: number, request: (i: number) => Buffer): Buffer[] =>
  Array.from({ length: count }, (_, i) => request(i))

const get =
  (who: keyof Filled['bearers'], url: (filled: Filled, i: number) => string): Case['prepare'] =>
  async (filled, count) => {
    const headers = { authorization: `Bearer ${filled.bearers[who]}` }
    return times(count, (i) => httpRequest(`GET ${url(filled, i)}`, headers))
  }

const one = ({ some }: Filled, i: number) => {
  const account = some[i % some.length]
  if (!account) throw new Error('there is no account')
  return account
}

type Query = Record<string, string>

const list =
  (path: string) =>
  (name: string, query: Query | ((filled: Filled, i: number) => Query)): Case => ({
    name,
    prepare: get('administrator', (filled, i) => {
      const members = typeof query === 'function' ? query(filled, i) : query
      return `${path}?${new URLSearchParams(members)}`
    }),
  })

const accounts = list('/v1/admin/accounts')
const audit = list('/v1/admin/audit')
const middleOfAccounts = ({ middle }: Filled) => ({ cursor: encodeCursor(['newest', middle.accountId]) })
const middleOfEvents = ({ middle }: Filled) => ({
  cursor: encodeCursor([`${middle.occurredAt.getTime()}`, middle.eventId]),
})

const LISTS: Case[] = [
  accounts('accounts', {}),
  accounts('accounts, a page in the middle', middleOfAccounts),
  accounts('accounts of a role that twenty have', { role: RARE_ROLE }),
  accounts('accounts of a role of the oldest hundredth', { role: OLD_ROLE }),
  accounts('accounts of a role that all have, in the middle', (filled) => ({
    role: 'user',
    ...middleOfAccounts(filled),
  })),
  accounts('accounts of a role that nobody has', { role: 'nobody' }),
  accounts('accounts that are disabled', { status: 'disabled' }),
  accounts('accounts without a second factor', { second_factor: 'none' }),
  accounts('accounts, three filters that none passes', {
    status: 'disabled',
    role: RARE_ROLE,
    second_factor: 'none',
  }),
  accounts('search: a user name', (filled, i) => ({ search: one(filled, i).username })),
  accounts('search: an address', (filled, i) => ({ search: one(filled, i).email })),
  accounts('search: part of one name', (filled, i) => ({ search: one(filled, i).username.slice(1) })),
  accounts('search: what a few thousandths have', (_, i) => ({ search: `lamport${1 + (i % 9)}` })),
  accounts('search: what one of fifty has', { search: 'liskov' }),
  accounts('search: what all have', { search: 'example' }),
  accounts('search: what the oldest tenth has', { search: OLD_DOMAIN }),
  accounts('search: what nobody has', (_, i) => ({ search: `nobody${i}` })),
  accounts('search: no letters', { search: '%_%' }),
  accounts('search: one character', { search: 'g' }),
  accounts('search: two characters', { search: 'gr' }),
  accounts('search: two characters that begin no name', { search: 'zq' }),
  accounts('search: what all have, and the rare role', { search: 'example', role: RARE_ROLE }),
  accounts('search: what one of fifty has, disabled', { search: 'liskov', status: 'disabled' }),
  audit('audit', {}),
  audit('audit, a page in the middle', middleOfEvents),
  audit('audit: an event', { event: 'challenge.passed' }),
  audit('audit: a kind', { event: 'challenge.*' }),
  audit('audit: a kind, a page in the middle', (filled) => ({
    event: 'challenge.*',
    ...middleOfEvents(filled),
  })),
  audit('audit: a kind that nothing is of', { event: 'nothing.*' }),
  audit('audit: an event that never was', { event: 'challenge.nothing' }),
  audit('audit: failures', { outcome: 'failure' }),
  audit('audit: failures of what never fails', { event: 'session.*', outcome: 'failure' }),
  audit('audit: an account', (filled, i) => ({ account_id: one(filled, i).id })),
  audit('audit: a day', ({ middle }) => ({
    from: middle.occurredAt.toISOString(),
    to: new Date(middle.occurredAt.getTime() + 86_400_000).toISOString(),
  })),
  list('/v1/admin/clients')('clients', {}),
  {
    name: 'an account',
    prepare: get('administrator', (filled, i) => `/v1/admin/accounts/${one(filled, i).id}`),
  },
  {
    name: "an account's sessions",
    prepare: get('administrator', ({ busiestId }) => `/v1/admin/accounts/${busiestId}/sessions`),
  },
  { name: 'own sessions', prepare: get('busiest', () => '/v1/me/sessions') },
  { name: 'own activity, of the account with the most', prepare: get('busiest', () => '/v1/me/activity') },
]

const SIGN_IN: Case[] = [
  {
    name: 'login, hashing included',
    prepare: async (filled, count) =>
      times(count, (i) => postJson('/v1/login', { username: one(filled, i).username, password: PASSWORD })),
  },
  ...SCENARIOS.filter(({ name }) => name !== 'P2').map(({ title, prepare }) => ({
    name: title,
    prepare: ({ bench }: Filled, count: number) => prepare(bench, count),
  })),
  { name: 'session check', prepare: get('busiest', () => '/v1/me') },
]

export const CASES: Case[] = [...LISTS, ...SIGN_IN]
