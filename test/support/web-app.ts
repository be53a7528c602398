// The application of examples/web-app as a process of its own, and a browser's side of it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

const APP = fileURLToPath(new URL('../../examples/web-app/app.js', import.meta.url))

export type WebAppPage = {
  status: number
  /** Where it sends the browser, or null. */
  location: string | null
  text: string
  headers: Headers
}

export type WebApp = {
  url: string
  get(path: string): Promise<WebAppPage>
  /** As its own form does; `origin` is another's where a test says so. */
  post(path: string, origin?: string): Promise<WebAppPage>
  /** The cookie that the browser has. */
  cookie: () => string
}

/** Runs the application until the test ends. */
export const startWebApp = async (
  t: Test,
  port: number,
  environment: Record<string, string>,
): Promise<WebApp> => {
  const child = spawn(process.execPath, [APP], {
    env: { ...process.env, PORT: String(port), ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = await once(child.stdout, 'data')
  const [, url = ''] = /ready on (\S+)/.exec(String(line)) ?? []
  let cookie = ''
  const send = async (path: string, init: RequestInit): Promise<WebAppPage> => {
    const headers = { ...init.headers, ...(cookie && { cookie }) }
    const response = await fetch(new URL(path, url), { ...init, headers, redirect: 'manual' })
    cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie
    const { status, headers: answered } = response
    const text = await response.text()
    return { status, location: answered.get('location'), text, headers: answered }
  }
  return {
    url,
    cookie: () => cookie,
    get: (path) => send(path, {}),
    post: (path, origin = url) => send(path, { method: 'POST', headers: { origin } }),
  }
}
