// What a run asks of Postern as its administrator: clients, and people who can sign in.
import { setTimeout as sleep } from 'node:timers/promises'
import { generateSync } from 'otplib'
import { ConformanceError } from './requirements.ts'

type Tokens = { access_token: string; refresh_token: string }
type Call = { bearer?: string; json?: object; form?: Record<string, string> }

const STEP_SECONDS = 30
/** Well before an access token ends. */
const RENEW_AFTER_MS = 300_000

const bodyOf = ({ json, form }: Call) => {
  if (json) return { body: JSON.stringify(json), headers: { 'content-type': 'application/json' } }
  return form ? { body: new URLSearchParams(form) } : {}
}

export const callPostern = async <T>(url: string, request: string, call: Call = {}): Promise<T> => {
  const [method = '', path = ''] = request.split(' ')
  const { headers, ...body } = { headers: {}, ...bodyOf(call) }
  const authorization = call.bearer ? { authorization: `Bearer ${call.bearer}` } : {}
  const response = await fetch(url + path, { method, headers: { ...headers, ...authorization }, ...body })
  const text = await response.text()
  if (!response.ok) throw new ConformanceError(`Postern answered ${response.status} to ${request}: ${text}`)
  return (text === '' ? null : JSON.parse(text)) as T
}

/**
 * An authenticator app that begins one step in the past, which is still taken: so the enrollment and two sign-ins
 * need no waiting. Each code is good once.
 */
export const openAuthenticator = (secret: string) => {
  let lastStep = 0
  const present = () => Math.floor(Date.now() / 1000 / STEP_SECONDS)
  return async (): Promise<string> => {
    const step = Math.max(lastStep + 1, present() - 1)
    while (step > present() + 1) await sleep(500)
    lastStep = step
    return generateSync({
      secret,
      epoch: step * STEP_SECONDS,
      period: STEP_SECONDS,
      digits: 6,
      algorithm: 'sha1',
    })
  }
}

/** Enrolls an authenticator for whoever has `bearer`. */
export const enrollTotp = async <T>(url: string, bearer: string) => {
  const begun = await callPostern<{ id: string; secret: string }>(url, 'POST /v1/me/authenticators/totp', {
    bearer,
    json: {},
  })
  const nextCode = openAuthenticator(begun.secret)
  const json = { code: await nextCode() }
  const confirmed = await callPostern<T>(url, `POST /v1/me/authenticators/${begun.id}/confirm`, {
    bearer,
    json,
  })
  return { nextCode, confirmed }
}

/** Signs the first administrator in, who enrolls at once, and answers calls with a token that is good. */
export const signInAdministrator = async (url: string, username: string, password: string) => {
  const json = { username, password }
  const { enrollment_token: bearer } = await callPostern<{ enrollment_token: string }>(
    url,
    'POST /v1/login',
    { json },
  )
  let tokens = (await enrollTotp<Tokens>(url, bearer)).confirmed
  let issuedMs = Date.now()
  const renew = async (): Promise<void> => {
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_id: 'postern' }
    tokens = await callPostern<Tokens>(url, 'POST /oauth2/token', { form })
    issuedMs = Date.now()
  }
  return async <T>(request: string, body: object): Promise<T> => {
    if (Date.now() - issuedMs > RENEW_AFTER_MS) await renew()
    return callPostern<T>(url, request, { bearer: tokens.access_token, json: body })
  }
}
