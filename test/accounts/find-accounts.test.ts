import t from 'tap'
import { signInAdministrator } from '../support/administrator.ts'
import type { TestApp } from '../support/app.ts'
import { ENGINES } from '../support/engines.ts'
import { createSubjects } from '../support/subjects.ts'

type Item = { id: string; username: string | null; display_name: string | null }

const administer = async (postern: TestApp) => {
  const { bearer } = await signInAdministrator(postern)
  const page = async (
    query: Record<string, string>,
  ): Promise<{ items: Item[]; next_cursor: string | null }> => {
    const url = `/v1/admin/accounts?${new URLSearchParams(query)}`
    const { status, body, text } = await postern.request('GET', url, { bearer })
    if (status !== 200) throw new Error(text)
    return body
  }
  const all = async (query: Record<string, string>, limit: number): Promise<Item[]> => {
    const items: Item[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const next = await page({ ...query, limit: `${limit}`, ...(cursor && { cursor }) })
      items.push(...next.items)
      cursor = next.next_cursor
    }
    return items
  }
  return { bearer, page, all }
}

const namesOf = (items: Item[]) => items.map(({ username, display_name }) => username ?? display_name)

const ODD_NAMES = [
  '100 % cotton',
  '100 x cotton',
  'snake_case',
  'snakeXcase',
  'C:\\temp\\new',
  "O'Brien; DROP TABLE",
  'the "quoted" one',
  '🦊🦊🦊 fox',
  '🐻 bear',
  'two 🐼🐼',
  'Ünal Øster',
  'Мария Иванова',
  '漢字仮名',
  '... --- ...',
  'E\\_%',
]

const ODD_SEARCHES: [search: string, ...found: string[]][] = [
  ['0 % c', '100 % cotton'],
  ['%%%'],
  ['🐼🐼'],
  ['%'],
  ['___'],
  ['_'],
  ['e_c', 'snake_case'],
  ['\\temp\\', 'C:\\temp\\new'],
  ['\\_%', 'E\\_%'],
  ['\\\\\\'],
  ["o'b", "O'Brien; DROP TABLE"],
  ["'"],
  ['; drop', "O'Brien; DROP TABLE"],
  ['"quoted"', 'the "quoted" one'],
  ['🦊', '🦊🦊🦊 fox'],
  ['🦊🦊🦊', '🦊🦊🦊 fox'],
  ['🦊 F', '🦊🦊🦊 fox'],
  ['🐻🐻🐻'],
  ['ÜNAL', 'Ünal Øster'],
  ['ünal ø', 'Ünal Øster'],
  ['ü', 'Ünal Øster'],
  ['МАРИЯ', 'Мария Иванова'],
  ['漢字仮', '漢字仮名'],
  ['漢字', '漢字仮名'],
  ['仮名'],
  ['...', '... --- ...'],
  ['. -', '... --- ...'],
  ['COTTON', '100 x cotton', '100 % cotton'],
  ['qqq'],
  ['jjq'],
]

for (const { engine, skip, open } of ENGINES) {
  t.test(`on ${engine}`, { skip, timeout: 240_000 }, async (t) => {
    const postern = await open(t)
    const { bearer, page, all } = await administer(postern)

    t.test('the account that a search names comes first, then who has it in a name', async (t) => {
      await postern.createAccount({ username: 'rosa' })
      await postern.createAccount({ username: 'prosaic' })
      await postern.createAccount({ username: 'by-address', email: 'rosa@example.org' })
      await postern.createAccount({ username: 'rosalind', email: 'rosalind@example.org' })
      await createSubjects(postern, ['Rosa Parks', 'Maria de la Rosa'])

      const found = ['rosa', 'Maria de la Rosa', 'Rosa Parks', 'rosalind', 'by-address', 'prosaic']
      t.same(namesOf((await page({ search: 'ROSA' })).items), found)
      for (const limit of [1, 2, 3, 5]) {
        t.same(namesOf(await all({ search: 'rosa' }, limit)), found, `in pages of ${limit}`)
      }
      t.same(namesOf((await page({ search: 'rosa@example.ORG' })).items), ['by-address'])
      t.same(namesOf((await page({ search: 'osa@example' })).items), ['by-address'])
      t.same(namesOf((await page({ search: '  rosalind ' })).items), ['rosalind'])
    })

    t.test('every external subject with the whole address comes before who has it in theirs', async (t) => {
      const client = await postern.createClient()
      for (const subject of ['first', 'second']) {
        const body = { subject, display_name: subject, email: 'shared@example.net', amr: ['pwd'] }
        const { status } = await postern.request('POST', '/v1/challenges', { basic: client, body })
        t.equal(status, 200)
      }
      await postern.createAccount({ username: 'un', email: 'unshared@example.net' })
      const [one, other, ...rest] = namesOf(await all({ search: 'shared@example.net' }, 1))
      t.same([one, other].toSorted(), ['first', 'second'])
      t.same(rest, ['un'])
    })

    t.test('of one or two characters, a search finds the beginnings of names', async (t) => {
      await postern.createAccount({ username: 'yz' })
      await postern.createAccount({ username: 'yzabel' })
      await postern.createAccount({ username: 'xyz', email: 'yzonne@example.org' })
      await postern.createAccount({ username: 'wyz' })
      await createSubjects(postern, ['Yz', 'Zyz', 'Olga Yz'])
      t.same(namesOf(await all({ search: 'yz' }, 1)), ['yz', 'Yz', 'xyz', 'yzabel'])
      t.same(namesOf(await all({ search: 'Y' }, 2)), ['Yz', 'xyz', 'yzabel', 'yz'])
    })

    t.test('every character is itself', async (t) => {
      await createSubjects(postern, ODD_NAMES)
      for (const [search, ...found] of ODD_SEARCHES) {
        t.same(namesOf((await page({ search })).items), found, search)
      }
      const everyone = await page({ limit: '200' })
      t.same(namesOf((await page({ search: '   ', limit: '200' })).items), namesOf(everyone.items), 'nothing')
    })

    t.test('accounts are found by what they are now', async (t) => {
      const account = await postern.createAccount({ username: 'before', roles: ['pilot', 'cook'] })
      const url = `/v1/admin/accounts/${account.id}`
      const change = async (body: object) =>
        t.equal((await postern.request('PATCH', url, { bearer, body })).status, 200)
      const isFound = async (query: Record<string, string>) =>
        (await page(query)).items.some(({ id }) => id === account.id)

      await change({ username: 'after', display_name: 'Renamed', roles: ['cook', 'captain'] })
      t.notOk(await isFound({ search: 'before' }))
      t.ok(await isFound({ search: 'after' }))
      t.ok(await isFound({ search: 'renamed', role: 'captain' }))
      t.ok(await isFound({ role: 'cook' }))
      t.notOk(await isFound({ role: 'pilot' }))

      t.ok(await isFound({ status: 'active', search: 'after' }))
      await change({ status: 'disabled' })
      t.ok(await isFound({ status: 'disabled', role: 'captain' }))
      t.notOk(await isFound({ status: 'active', search: 'after' }))

      t.notOk(await isFound({ second_factor: 'enrolled' }))
      await postern.enrollTotp(account)
      t.ok(await isFound({ second_factor: 'enrolled', search: 'renamed' }))
      t.notOk(await isFound({ second_factor: 'none' }))

      t.equal((await postern.request('DELETE', url, { bearer })).status, 204)
      t.notOk(await isFound({ search: 'after' }))
      t.notOk(await isFound({ role: 'captain' }))
    })

    t.test('the longest names are stored and found', async (t) => {
      const client = await postern.createClient()
      const body = {
        subject: '🐙🦀🐡'.repeat(85),
        display_name: '🦊🐻🦉'.repeat(42),
        email: `${'e'.repeat(64)}@${'example.'.repeat(22)}org`,
        amr: ['pwd'],
      }
      const { status, text } = await postern.request('POST', '/v1/challenges', { basic: client, body })
      t.equal(status, 200, text)
      t.same(namesOf((await page({ search: '🐙🦀🐡🐙' })).items), [body.display_name])
    })
  })
}
