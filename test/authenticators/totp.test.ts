import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import {
  encodeSecret,
  matchTimeStep,
  otpauthUri,
  type TotpAlgorithm,
} from '../../src/authenticators/totp/totp.ts'
import { findProgram } from '../support/server-process.ts'

type Vectors = {
  rfc4226: { secret_ascii: string; codes: string[] }
  rfc6238: {
    secrets_ascii: Record<'sha1' | 'sha256' | 'sha512', string>
    codes: ({ time: number } & Record<'sha1' | 'sha256' | 'sha512', string>)[]
  }
}

const vectors: Vectors = JSON.parse(readFileSync(new URL('../vectors/otp.json', import.meta.url), 'utf8'))
const SHA1 = { algorithm: 'SHA1', digits: 6, stepSeconds: 30 } as const
const at = (epochSeconds: number): Date => new Date(epochSeconds * 1000)

t.test('the vectors of RFC 4226 match at their counters', async (t) => {
  const secret = Buffer.from(vectors.rfc4226.secret_ascii)
  for (const [counter, code] of vectors.rfc4226.codes.entries()) {
    t.equal(matchTimeStep(secret, SHA1, code, at(counter * 30)), counter, code)
  }
})

t.test('the vectors of RFC 6238 match at their times, with every algorithm', async (t) => {
  for (const { time, ...codes } of vectors.rfc6238.codes) {
    for (const [name, code] of Object.entries(codes)) {
      const secret = Buffer.from(vectors.rfc6238.secrets_ascii[name as keyof typeof codes])
      const algorithm = name.toUpperCase() as TotpAlgorithm
      const parameters = { algorithm, digits: 8, stepSeconds: 30 } as const
      t.equal(matchTimeStep(secret, parameters, code, at(time)), Math.floor(time / 30), `${name} ${time}`)
    }
  }
})

t.test('a code is good in its own time step and one either side, and no further', async (t) => {
  const secret = Buffer.from(vectors.rfc4226.secret_ascii)
  const [, , , , , code = ''] = vectors.rfc4226.codes
  const [first, last] = [5 * 30, 5 * 30 + 29]
  for (const [now, matches] of [
    [first - 31, null],
    [first - 30, 5],
    [first, 5],
    [last, 5],
    [last + 30, 5],
    [last + 31, null],
  ] as const) {
    t.equal(matchTimeStep(secret, SHA1, code, at(now)), matches, `${now}`)
  }
})

t.test(
  'what is not exactly the right number of ASCII digits matches nothing, and throws nothing',
  async (t) => {
    const secret = Buffer.from(vectors.rfc4226.secret_ascii)
    for (const code of [
      '',
      '75522',
      '7552244',
      ' 755224',
      '755 224',
      '75522a',
      '٧٥٥٢٢٤',
      '７５５２２４',
      '-55224',
    ]) {
      t.equal(matchTimeStep(secret, SHA1, code, at(0)), null, code)
    }
  },
)

t.test('the otpauth URI says what an app needs, and escapes what would end it', async (t) => {
  const secret = encodeSecret(Buffer.from('12345678901234567890'))
  t.equal(secret, 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ')
  const uri = new URL(otpauthUri({ issuer: 'Acme & Söhne', label: 'ada@example.org', secret }, SHA1))
  t.equal(uri.protocol, 'otpauth:')
  t.equal(uri.host, 'totp')
  t.equal(decodeURIComponent(uri.pathname), '/Acme & Söhne:ada@example.org')
  t.same(Object.fromEntries(uri.searchParams), { secret, issuer: 'Acme & Söhne' })

  const strong = { algorithm: 'SHA512', digits: 8, stepSeconds: 30 } as const
  const { searchParams } = new URL(otpauthUri({ issuer: 'Acme', label: 'ada', secret }, strong))
  t.match(Object.fromEntries(searchParams), { algorithm: 'SHA512', digits: '8' })
})

t.test('a label with colons, or far too long, is still one label', async (t) => {
  const label = `flask:${'😀'.repeat(300)}`
  const uri = new URL(otpauthUri({ issuer: 'Acme', label, secret: 'ABC' }, SHA1))
  t.equal(decodeURIComponent(uri.pathname), `/Acme:flask-${'😀'.repeat(58)}`)
})

const oathtool = findProgram('oathtool')
if (!oathtool && process.env.REQUIRE_SERVERS === '1') throw new Error('oathtool is not installed')

t.test(
  'oathtool makes the codes that match',
  { skip: oathtool ? false : 'oathtool is not installed' },
  async (t) => {
    const secret = Buffer.from('a secret of 20 bytes')
    for (const now of [0, 59, 1_111_111_109, 1_795_255_800]) {
      const args = ['--totp', '-b', encodeSecret(secret), '--now', `@${now}`]
      const { stdout } = spawnSync(oathtool ?? '', args, { encoding: 'utf8' })
      t.equal(matchTimeStep(secret, SHA1, stdout.trim(), at(now)), Math.floor(now / 30), `${now}`)
    }
  },
)
