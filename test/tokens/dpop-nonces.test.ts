import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createSealer } from '../../src/encryption/sealer.ts'
import { createDpopNonces } from '../../src/tokens/dpop-nonces.ts'

const NOW = new Date('2026-11-21T12:00:00Z')
const after = (seconds: number) => new Date(NOW.getTime() + seconds * 1000)
const sealer = (fill: number) => createSealer([{ id: 'k', key: Buffer.alloc(32, fill) }], randomBytes)

t.test('a nonce of one replica is accepted at another, for five minutes', async (t) => {
  const [one, other] = [createDpopNonces({ sealer: sealer(1) }), createDpopNonces({ sealer: sealer(1) })]
  const nonce = one.current(NOW)
  t.match(nonce, /^[\x21\x23-\x5b\x5d-\x7e]+$/, 'RFC 9449 8.1')
  t.ok(other.accepts(nonce, NOW))
  t.ok(other.accepts(nonce, after(-4)), 'where its clock is behind')
  t.ok(other.accepts(nonce, after(299)))
  t.notOk(other.accepts(nonce, after(300)))
  t.notOk(other.accepts(nonce, after(-60)))
})

t.test('a nonce is replaced after a minute', async (t) => {
  const nonces = createDpopNonces({ sealer: sealer(1) })
  const nonce = nonces.current(NOW)
  t.equal(nonces.current(after(59)), nonce)
  t.not(nonces.current(after(60)), nonce)
})

t.test('what Postern has not made is no nonce', async (t) => {
  const nonces = createDpopNonces({ sealer: sealer(1) })
  const foreign = createDpopNonces({ sealer: sealer(2) }).current(NOW)
  const sealed = sealer(1).seal(Buffer.from(String(NOW.getTime() / 1000)), 'something else')
  for (const text of ['', 'x', 'k:', 'other:AAAA', foreign, sealed]) t.notOk(nonces.accepts(text, NOW), text)
})
