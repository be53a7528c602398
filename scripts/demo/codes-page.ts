// What an authenticator app shows, as a page: for whoever has no phone at hand.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { generateSync } from 'otplib'

export const STEP_SECONDS = 30

/** The code of a time step (RFC 6238), as Postern enrolls it by default. */
export const codeAt = (secret: string, step: number): string =>
  generateSync({
    secret,
    epoch: step * STEP_SECONDS,
    period: STEP_SECONDS,
    digits: 6,
    algorithm: 'sha1',
  })

const page = (secret: string): string => {
  const seconds = Date.now() / 1000
  const step = Math.floor(seconds / STEP_SECONDS)
  const left = Math.ceil((step + 1) * STEP_SECONDS - seconds)
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="${left}">
<meta name="viewport" content="width=device-width"><title>Codes</title>
<style>:root{color-scheme:light dark}body{font:1.1rem/1.6 system-ui,sans-serif;max-width:30rem;margin:4rem auto;padding:0 1rem}
b{display:block;font:600 3rem/1.3 ui-monospace,monospace;letter-spacing:.1em}</style>
<p>The code of now, for ${left} more seconds:<b>${codeAt(secret, step)}</b>
<p>The next one, which Postern takes already:<b>${codeAt(secret, step + 1)}</b>
<p>Each is good once.</html>`
}

/** On a free port of this machine alone. */
export const serveCodes = async (secret: string): Promise<{ url: string; close: () => void }> => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
    response.end(page(secret))
  }).listen(0, 'localhost')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    url: `http://localhost:${port}/`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
