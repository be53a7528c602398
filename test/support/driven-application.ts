// An application in another language, as a test drives it: a program that says on its output where it sends its user, is
// given the address at which the user comes back, and in the end says what it has seen. One line of JSON each.
//
//   {"visit": "http://localhost:…/oauth2/authorize?…"}   is answered by a line with the address
//   {"result": {…}}                                       is the last
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export type DrivenApplication = {
  command: string
  args: string[]
  environment?: Record<string, string>
  /** Where the user comes back, who was sent to `url`. */
  visit: (url: string) => Promise<URL>
}

/**
 * What the program has seen.
 * @throws {Error} with what it has written to its error stream, where it ends without a result
 */
export const runApplication = async ({
  command,
  args,
  environment = {},
  visit,
  // biome-ignore lint/suspicious/noExplicitAny: tests assert on what came, whatever it is
}: DrivenApplication): Promise<any> => {
  const child = spawn(command, args, { env: { ...process.env, ...environment } })
  const closed = once(child, 'close')
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  let result: unknown
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const said = JSON.parse(line)
      if ('visit' in said) child.stdin.write(`${(await visit(said.visit)).href}\n`)
      else result = said.result
    }
  } finally {
    child.kill()
  }
  const [code] = await closed
  if (code === 0 && result !== undefined) return result
  throw new Error(`${command} has ended with ${code}:\n${errors}`)
}
