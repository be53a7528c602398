import { randomBytes } from 'node:crypto'
import t from 'tap'
import {
  accountTagOf,
  hashToken,
  isHashOf,
  newAccountToken,
  newClientSecret,
} from '../../src/encryption/opaque-token.ts'
import { createSealer, sealedKeyId, UnsealError } from '../../src/encryption/sealer.ts'

const key = (id: string, fill: number) => ({ id, key: Buffer.alloc(32, fill) })
const secret = Buffer.from('a secret')

t.test('what is sealed opens with its key and in its context alone', async (t) => {
  const sealer = createSealer([key('b', 2), key('a', 1)], randomBytes)
  const sealed = sealer.seal(secret, 'row:1')
  t.equal(sealedKeyId(sealed), 'b', 'the first key seals')
  t.same(sealer.open(sealed, 'row:1'), secret)
  t.not(sealer.seal(secret, 'row:1'), sealed, 'and never the same way twice')
  const older = createSealer([key('a', 1)], randomBytes).seal(secret, 'row:1')
  t.same(sealer.open(older, 'row:1'), secret, 'all keys open')

  for (const [name, open] of [
    ['another row', () => sealer.open(sealed, 'row:2')],
    ['another key under the id', () => createSealer([key('b', 9)], randomBytes).open(sealed, 'row:1')],
    ['a missing key', () => createSealer([key('c', 2)], randomBytes).open(sealed, 'row:1')],
    ["another key's id", () => sealer.open(sealed.replace(/^b/, 'a'), 'row:1')],
    ['an altered value', () => sealer.open(`${sealed.slice(0, -2)}AA`, 'row:1')],
    ['a value cut short', () => sealer.open('b:AAAA', 'row:1')],
    ['no sealed value at all', () => sealer.open('nonsense', 'row:1')],
  ] as const) {
    t.throws(open, UnsealError, name)
  }
  t.throws(() => createSealer([], randomBytes), /at least one key/)
})

t.test('opaque tokens are prefixed, carry 256 bits, and lead to their account and no other', async (t) => {
  const account = '01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11'
  const token = newAccountToken('challenge', account, randomBytes)
  t.match(token, /^pst_ch_[\w-]{12}[\w-]{43}$/)
  const tag = accountTagOf('challenge', token)
  t.equal(tag, accountTagOf('enrollment', newAccountToken('enrollment', account, randomBytes)))
  t.notMatch(token, account.slice(0, 8))
  for (const wrong of [token.replace('ch', 'en'), `${token}x`, token.slice(1), `${token.slice(0, -1)}{`]) {
    t.equal(accountTagOf('challenge', wrong), null)
  }
  t.match(newClientSecret(randomBytes), /^pst_cs_[\w-]{43}$/)
})

t.test('secrets are compared whole, whatever their length', async (t) => {
  t.ok(isHashOf(hashToken('a'), 'a'))
  t.notOk(isHashOf(hashToken('a'), 'b'))
  t.notOk(isHashOf('shorter than a hash', 'a'))
})
