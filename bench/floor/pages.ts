// The pages that the floor sends: the bytes that Postern has answered, with its headers.
import { readFileSync, writeFileSync } from 'node:fs'
import { openConnection } from '../connection.ts'

export type FloorPage = { headers: Record<string, string | string[]>; html: string }

/** Whoever sends it says these. */
const OWN_HEADERS = new Set(['date', 'connection', 'keep-alive', 'content-length'])

const pageOf = (answer: Buffer): FloorPage => {
  const text = answer.toString('utf8')
  const headEnd = text.indexOf('\r\n\r\n')
  const headers: FloorPage['headers'] = {}
  for (const line of text.slice(0, headEnd).split('\r\n').slice(1)) {
    const [, name = '', value = ''] = /^([^:]+): (.*)$/.exec(line) ?? []
    const lower = name.toLowerCase()
    const before = headers[lower]
    if (!OWN_HEADERS.has(lower)) headers[lower] = before === undefined ? value : [before, value].flat()
  }
  return { headers, html: text.slice(headEnd + 4) }
}

/** What Postern on this port answers to each request, by the request's name. */
export const writePages = async (
  file: string,
  port: number,
  requests: readonly (readonly [name: string, request: Buffer])[],
): Promise<void> => {
  const connection = await openConnection(port)
  const pages: Record<string, FloorPage> = {}
  for (const [name, request] of requests) pages[name] = pageOf((await connection.ask(request)).answer)
  await connection.close()
  writeFileSync(file, JSON.stringify(pages))
}

export const readPages = (file: string): Map<string, FloorPage> => {
  const stored: Record<string, FloorPage> = JSON.parse(readFileSync(file, 'utf8'))
  return new Map(Object.entries(stored))
}
