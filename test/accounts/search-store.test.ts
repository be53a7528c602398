import t from 'tap'
import { findAccounts, type Place } from '../../src/accounts/find-accounts.ts'
import { ENGINES } from '../support/engines.ts'
import { listening, mostRowsRead, planOf } from '../support/plans.ts'
import { createSubjects } from '../support/subjects.ts'

const ANY = { search: null, role: null, status: null, enrolled: null }
const ACCOUNTS = 15_000
const LEGACY = 5_000
const AT_ONCE = 250

const FILTERS = [
  ['a part of a name', { search: 'number 1499' }, 'account_search_letters'],
  ['odd characters', { search: '%_%_%' }, 'account_search_letters'],
  ['the beginning of a name', { search: 'ra' }, 'account_search_letters'],
  ['a name that nobody has', { search: 'nobody has it' }, 'account_search_letters'],
  ['what many have in a name', { search: 'number' }, 'account_search_scattered'],
  ['a role that one has', { role: 'rare' }, 'account_roles_pkey'],
  ['a role that nobody has', { role: 'none' }, 'account_roles_pkey'],
  ['a status that nobody has', { status: 'disabled' }, 'account_search_status'],
  ['a second factor that nobody has', { enrolled: true }, 'account_search_enrolled'],
] as const

for (const { engine, skip, open } of ENGINES) {
  t.test(`with thousands of accounts on ${engine}`, { skip, timeout: 240_000 }, async (t) => {
    const postern = await open(t)
    const names = Array.from(
      { length: ACCOUNTS },
      (_, i) => `${i < LEGACY ? 'Legacy' : 'Member'} number ${i}`,
    )
    for (let i = 0; i < ACCOUNTS; i += AT_ONCE) await createSubjects(postern, names.slice(i, i + AT_ONCE))
    await postern.createAccount({ username: 'legacy' })
    await postern.createAccount({ username: 'rare', roles: ['rare'] })
    for (const table of ['accounts', 'account_search', 'account_roles']) {
      await postern.deps.postgres.query({ text: `ANALYZE ${table}` })
    }

    t.test('a search that many match gives each of them once, who it names first', async (t) => {
      const found: string[] = []
      let after: Place | null = null
      do {
        const page = await findAccounts(postern.deps, { ...ANY, search: 'legacy' }, { after, limit: 200 })
        if (after === null) t.equal(page[0]?.account.username, 'legacy')
        found.push(...page.map(({ account }) => account.id))
        after = page.at(-1)?.place ?? null
        if (after) t.equal(after.stretch, 'scattered', 'so many are not sorted')
      } while (after)
      t.equal(found.length, LEGACY + 1)
      t.equal(new Set(found).size, LEGACY + 1)
    })

    t.test('a search that few match gives the newest first', async (t) => {
      const filter = { ...ANY, search: 'number 14' }
      const found = await findAccounts(postern.deps, filter, { after: null, limit: 2_000 })
      t.equal(found.length, 1_111)
      t.equal(found[0]?.account.displayName, 'Member number 14999')
      t.equal(found.at(-1)?.account.displayName, 'Legacy number 14')
    })

    t.test('a page in the middle reads no more than itself', async (t) => {
      const middle = await findAccounts(
        postern.deps,
        { ...ANY, search: 'number 7500' },
        { after: null, limit: 1 },
      )
      const after: Place = { stretch: 'newest', id: middle[0]?.account.id ?? '' }
      for (const filter of [{}, { role: 'pupil' }, { status: 'active' as const }, { enrolled: false }]) {
        const { sql, asked } = listening(postern.deps.postgres)
        const found = await findAccounts({ postgres: sql }, { ...ANY, ...filter }, { after, limit: 51 })
        t.equal(found[0]?.account.displayName, 'Member number 7499')
        for (const one of asked)
          t.ok((await mostRowsRead(postern.deps.postgres, one)) <= 51, JSON.stringify(filter))
      }
    })

    for (const [what, filter, index] of FILTERS) {
      t.test(`${what} is found by an index`, async (t) => {
        const { sql, asked } = listening(postern.deps.postgres)
        await findAccounts({ postgres: sql }, { ...ANY, ...filter }, { after: null, limit: 51 })
        const [last] = asked.slice(-1)
        if (!last) throw new Error('nothing was asked')
        const plan = await planOf(postern.deps.postgres, last)
        t.ok(plan.includes(index), plan)
        t.notOk(plan.includes('Seq Scan on account'), plan)
      })
    }
  })
}
