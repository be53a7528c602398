import t from 'tap'
import { cutUserAgent } from '../../src/wire/end-user.ts'

t.test('a user agent is cut to 256 characters, and is text that every store takes', async (t) => {
  t.equal(cutUserAgent('Firefox'), 'Firefox')
  t.equal(cutUserAgent(undefined), null)
  t.equal(cutUserAgent(''), null)
  t.equal(cutUserAgent('x'.repeat(100_000)), 'x'.repeat(256))
  t.equal(cutUserAgent('😀'.repeat(300)), '😀'.repeat(256))
  t.equal(cutUserAgent(`a\ud83d`), 'a\ufffd')
  t.equal(cutUserAgent(`${'x'.repeat(255)}\ude00\ud83d`), `${'x'.repeat(255)}\ufffd`)
})
