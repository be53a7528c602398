import { PassThrough } from 'node:stream'
import t from 'tap'
import { readPassword } from '../../src/command-line/commands/read-password.ts'

/** A terminal whose user answers as soon as something is asked. */
const terminal = (...answers: string[]) => {
  let isRaw = false
  const shown: string[] = []
  const input = Object.assign(new PassThrough(), {
    isTTY: true as const,
    setRawMode(raw: boolean) {
      isRaw = raw
      return input
    },
  })
  const prompts = new PassThrough()
  prompts.on('data', (text) => {
    if (!`${text}`.endsWith(': ')) return
    const answer = answers.shift() ?? ''
    // What is typed while the terminal echoes can be read on it.
    if (!isRaw) shown.push(answer)
    setImmediate(() => input.write(`${answer}\r`))
  })
  return { input, prompts, shown }
}

t.test('a password is asked for twice at a terminal, and not shown, however quick the answer', async (t) => {
  const { input, prompts, shown } = terminal('a rather long passphrase', 'a rather long passphrase')
  t.equal(await readPassword({ input, prompts }), 'a rather long passphrase')
  t.same(shown, [])
})

t.test('two that differ, and none at all, are refused', async (t) => {
  await t.rejects(readPassword(terminal('one passphrase', 'another')), { message: /differ/ })
  await t.rejects(readPassword(terminal('')), { message: 'No password was given.' })
})

t.test('without a terminal it is all of standard input, without its last line end', async (t) => {
  for (const [given, password] of [
    ['a rather long passphrase\n', 'a rather long passphrase'],
    ['two\nlines\r\n', 'two\nlines'],
    [' spaces count ', ' spaces count '],
  ] as const) {
    const input = new PassThrough()
    input.end(given)
    t.equal(await readPassword({ input, prompts: new PassThrough() }), password)
  }
  const empty = new PassThrough()
  empty.end('\n')
  await t.rejects(readPassword({ input: empty, prompts: new PassThrough() }), {
    message: 'No password was given on standard input.',
  })
})
