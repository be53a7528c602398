// Calls Postern over HTTP, as an application's own code would. The only thing special to the demo is that every call is
// printed.
import type { Narrator } from './narrator.ts'

/** The tokens of a session. */
export type Tokens = {
  access_token: string
  refresh_token: string
  expires_in: number
  acr: string
  amr: string[]
}

/** The three answers that `POST /v1/login` and `POST /v1/challenges` can give. */
export type SignInAnswer =
  | ({ status: 'authenticated' } & Tokens)
  | {
      status: 'challenge_required'
      challenge_token: string
      methods: { method: string }[]
      reasons: string[]
    }
  | { status: 'enrollment_required'; enrollment_token: string; methods: string[]; reasons: string[] }

/** The one error shape. */
export type ErrorAnswer = {
  error: string
  error_description: string
  attempts_remaining?: number
  retry_after?: number
}

type Options = { bearer?: string; json?: object; form?: Record<string, string> }

/** Ends the demo with one clear line. */
export class DemoError extends Error {
  override readonly name = 'DemoError'
}

/** Postern has refused a request. */
export class Refused extends DemoError {
  readonly answer: ErrorAnswer

  constructor(request: string, status: number, answer: ErrorAnswer) {
    super(`${request} was refused: ${status} ${answer.error} (${answer.error_description})`)
    this.answer = answer
  }
}

export type Postern = ReturnType<typeof createPosternCaller>

const TIMEOUT_MS = 10_000

const fetchFrom = async (url: string, method: string, { bearer, json, form }: Options): Promise<Response> => {
  const body = json ? JSON.stringify(json) : form && new URLSearchParams(form)
  try {
    return await fetch(url, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        ...(bearer && { authorization: `Bearer ${bearer}` }),
        ...(json && { 'content-type': 'application/json' }),
      },
      ...(body && { body }),
    })
  } catch (error) {
    const { cause, message } = error as Error
    throw new DemoError(`${method} ${url} got no answer: ${cause instanceof Error ? cause.message : message}`)
  }
}

/** Calls the Postern at `url`. Each call names the answer it expects, and throws where it gets another. */
export const createPosternCaller = (url: string, narrator: Narrator) => {
  const send = async (request: string, options: Options) => {
    const [method = '', path = ''] = request.split(' ')
    const response = await fetchFrom(url + path, method, options)
    const text = await response.text()
    const body = response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : {}
    narrator.call(request, response.status, body.error ?? body.status ?? '')
    return { status: response.status, ok: response.ok, body }
  }
  return {
    url,
    /** @throws {Refused} */
    async ask<Answer>(request: string, options: Options = {}): Promise<Answer> {
      const { ok, status, body } = await send(request, options)
      if (!ok) throw new Refused(request, status, body)
      return body
    },
    /** @throws {DemoError} it was not refused, or with another error. */
    async beRefused(request: string, error: string, options: Options = {}): Promise<ErrorAnswer> {
      const { ok, status, body } = await send(request, options)
      if (ok || body.error !== error) {
        throw new DemoError(`${request} should have been refused with ${error}; it was answered ${status}.`)
      }
      return body
    },
  }
}
