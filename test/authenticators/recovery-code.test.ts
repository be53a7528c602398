import { randomBytes } from 'node:crypto'
import t from 'tap'
import {
  matchRecoveryCode,
  newRecoveryCodes,
  RECOVERY_CODE_PATTERN,
} from '../../src/authenticators/recovery-codes/recovery-code.ts'

t.test(
  'a set has codes of 80 bits in groups, no two alike, each hashed with a salt of its own',
  async (t) => {
    const { codes, stored } = newRecoveryCodes(randomBytes, 10)
    t.equal(new Set(codes).size, 10)
    for (const code of codes) {
      t.match(code, /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$/)
      t.match(code, new RegExp(RECOVERY_CODE_PATTERN))
    }
    t.equal(new Set(stored.map(({ salt }) => salt.toString('hex'))).size, 10)
    t.equal(
      stored.every(({ salt }) => salt.length === 16),
      true,
    )
    t.equal(new Set(stored.map(({ id }) => id)).size, 10)
    for (const code of codes) {
      for (const { codeHash } of stored) t.notOk(codeHash.includes(code))
    }
  },
)

t.test('every byte gives one of 32 symbols, evenly', async (t) => {
  const counts = new Map<string, number>()
  for (let start = 0; start < 256; start += 16) {
    const bytes = Buffer.from(Array.from({ length: 16 }, (_, index) => start + index))
    const [code = ''] = newRecoveryCodes((size) => (size === 16 ? bytes : randomBytes(size)), 1).codes
    for (const symbol of code.replaceAll('-', '')) counts.set(symbol, (counts.get(symbol) ?? 0) + 1)
  }
  t.equal(counts.size, 32)
  t.same([...new Set(counts.values())], [8])
})

t.test('a code is found as it was made, and as people type it', async (t) => {
  // 0, 1 and no letters that read like them: bytes 0 and 1.
  const fixed = (size: number) => Buffer.from(Array.from({ length: size }, (_, index) => index % 2))
  const { codes, stored } = newRecoveryCodes(fixed, 1)
  t.same(codes, ['0101-0101-0101-0101'])
  for (const typed of [
    '0101-0101-0101-0101',
    '0101010101010101',
    'OIOl-0101-01010101',
    'oioL-olOI-0i0l-0101',
  ]) {
    t.match(typed, new RegExp(RECOVERY_CODE_PATTERN), typed)
    t.equal(matchRecoveryCode(stored, typed)?.id, stored[0]?.id, typed)
  }
  t.equal(matchRecoveryCode(stored, '0101-0101-0101-0102'), null)
  t.equal(matchRecoveryCode([], '0101-0101-0101-0101'), null)
})

t.test('of a set the one that was typed is found', async (t) => {
  const { codes, stored } = newRecoveryCodes(randomBytes, 10)
  for (const [index, code] of codes.entries()) {
    t.equal(matchRecoveryCode(stored, code.toLowerCase())?.id, stored[index]?.id)
  }
})

t.test('the pattern takes nothing that cannot be a code', async (t) => {
  for (const typed of [
    '',
    '0101-0101-0101-010',
    '0101-0101-0101-01011',
    '0101--0101-0101-0101',
    '0101 0101 0101 0101',
    'U101-0101-0101-0101',
    '0101-0101-0101-010u',
    '-0101010101010101',
    '０１０１-0101-0101-0101',
  ]) {
    t.notMatch(typed, new RegExp(RECOVERY_CODE_PATTERN), typed)
  }
})
