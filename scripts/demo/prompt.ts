// Asking the person in front of the terminal.
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'

/** True where there is someone to ask. */
export const canAsk = (): boolean => Boolean(process.stdin.isTTY && process.stdout.isTTY)

/** The answer to `question`, trimmed. */
export const ask = async (question: string): Promise<string> => {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return (await terminal.question(`    ${question} `)).trim()
  } finally {
    terminal.close()
  }
}

/** As `ask`, and what is typed is not shown. */
export const askSecretly = async (question: string): Promise<string> => {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true })
  // After the terminal has stopped echoing, or a quick answer would be shown.
  process.stdout.write(`    ${question} `)
  try {
    return (await terminal.question('')).trim()
  } finally {
    terminal.close()
    process.stdout.write('\n')
  }
}
