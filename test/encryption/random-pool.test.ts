import t from 'tap'
import { createRandomPool } from '../../src/encryption/random-pool.ts'

t.test('the pool gives each random byte once, of any size and across its refills', async (t) => {
  const randomBytes = createRandomPool()
  const sizes = Array.from({ length: 3_000 }, (_, i) => [16, 32, 64, 65, 5_000][i % 5] ?? 0)
  const given = sizes.map((size) => randomBytes(size))
  t.strictSame(
    given.map((bytes) => bytes.length),
    sizes,
  )
  const beginnings = given.map((bytes) => bytes.toString('hex', 0, 16))
  t.equal(new Set(beginnings).size, sizes.length)
  t.notOk(given.some((bytes) => bytes.toString('hex').includes('00'.repeat(8))))
})

t.test('what is given is the caller’s own', async (t) => {
  const randomBytes = createRandomPool()
  const first = randomBytes(32)
  const kept = first.toString('hex')
  const second = randomBytes(32)
  second.fill(1)
  t.equal(first.toString('hex'), kept)
  t.not(randomBytes(32).toString('hex'), '01'.repeat(32))
})

t.test('what has been given is in the pool no longer', async (t) => {
  const { alloc } = Buffer
  const made: Buffer[] = []
  Buffer.alloc = (...args: Parameters<typeof alloc>) => {
    const buffer = alloc(...args)
    made.push(buffer)
    return buffer
  }
  t.teardown(() => {
    Buffer.alloc = alloc
  })
  const randomBytes = createRandomPool()
  const given = [16, 32, 64].map((size) => randomBytes(size))
  const [pool, ...copies] = made
  t.same(copies, given)
  t.ok(pool?.subarray(112).some((byte) => byte !== 0))
  t.notOk(pool?.subarray(0, 112).some((byte) => byte !== 0))
})
