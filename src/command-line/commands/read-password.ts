import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import type { ReadStream } from 'node:tty'
import { CommandError } from '../host.ts'

type Streams = {
  input: NodeJS.ReadableStream & Partial<Pick<ReadStream, 'isTTY'>>
  prompts: NodeJS.WritableStream
}

const ask = async ({ input, prompts }: Streams, prompt: string): Promise<string> => {
  // The terminal shows only what is written here, which is nothing.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input, output: silent, terminal: true })
  // After the terminal has stopped echoing, or a quick answer would be shown.
  prompts.write(prompt)
  try {
    return await lines.question('')
  } catch {
    throw new CommandError('No password was given.')
  } finally {
    lines.close()
    prompts.write('\n')
  }
}

const readAll = async ({ input }: Streams): Promise<string> => {
  let text = ''
  for await (const chunk of input) text += chunk
  return text.replace(/\r?\n$/, '')
}

/**
 * A new password: asked for twice at a terminal, without showing it; else all of standard input, without its
 * last line end.
 * @throws {CommandError} none was given, or two that differ
 */
export const readPassword = async (streams: Streams): Promise<string> => {
  if (!streams.input.isTTY) {
    const password = await readAll(streams)
    if (password === '') throw new CommandError('No password was given on standard input.')
    return password
  }
  const password = await ask(streams, 'New password: ')
  if (password === '') throw new CommandError('No password was given.')
  if (password !== (await ask(streams, 'Once more: '))) throw new CommandError('The two passwords differ.')
  return password
}
