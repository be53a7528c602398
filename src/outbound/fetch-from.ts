import { isIP } from 'node:net'
import type { Dispatcher } from 'undici'
import { type Outbound, requireAllowedAddress } from './outbound.ts'
import { OutboundError } from './outbound-error.ts'

export type OutboundRequest = {
  method: 'GET' | 'POST'
  body?: string
  contentType?: string
  accept?: string
  /** The largest body of an answer. */
  maxBytes: number
  /** From the first look-up of the name to the last byte of the answer. */
  timeoutMs: number
  signal?: AbortSignal
}

export type OutboundAnswer = {
  status: number
  /** Names in lower case. */
  headers: Record<string, string | string[] | undefined>
  body: Buffer
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/**
 * The URL, where Postern may ask it: https, or http to this machine itself. Names are checked when they are resolved.
 * @throws {OutboundError} url_refused, address_refused
 */
const requireAllowedUrl = (text: string, { allowedNetworks }: Outbound): URL => {
  const url = URL.parse(text)
  if (!url) throw new OutboundError('url_refused', 'it is no URL')
  const schemeFits = url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname))
  if (!schemeFits) throw new OutboundError('url_refused', 'only https, or http to localhost')
  if (url.username !== '' || url.password !== '') throw new OutboundError('url_refused', 'it has credentials')
  // An address is not looked up, so that it has to be checked here.
  const address = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (isIP(address) !== 0) requireAllowedAddress(address, allowedNetworks)
  return url
}

/** Reads no more than `maxBytes`, whatever the answer says of its length. */
const readBody = async (body: Dispatcher.ResponseData['body'], maxBytes: number): Promise<Buffer> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    // Leaving the loop closes the connection.
    if (bytes > maxBytes) throw new OutboundError('too_large', `more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const ask = async (outbound: Outbound, url: URL, asked: OutboundRequest, signal: AbortSignal) => {
  const agent = await outbound.agent()
  const { statusCode, headers, body } = await agent.request({
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method: asked.method,
    headers: {
      'user-agent': 'Postern',
      ...(asked.accept !== undefined && { accept: asked.accept }),
      ...(asked.contentType !== undefined && { 'content-type': asked.contentType }),
    },
    body: asked.body ?? null,
    signal,
  })
  if (statusCode >= 300 && statusCode < 400) {
    body.on('error', () => {}).destroy()
    throw new OutboundError('redirected', `status ${statusCode}; redirects are not followed`)
  }
  return { status: statusCode, headers, body: await readBody(body, asked.maxBytes) }
}

/** undici notices a signal only once it is connected. */
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

/**
 * Asks a host that a client named, such as its `jwks_uri`. The answer may have any status but a redirect's.
 * @throws {OutboundError} for everything else that can go wrong
 */
export const fetchFrom = async (
  { outbound }: { outbound: Outbound },
  url: string,
  request: OutboundRequest,
): Promise<OutboundAnswer> => {
  const target = requireAllowedUrl(url, outbound)
  const time = AbortSignal.timeout(request.timeoutMs)
  const signal = request.signal ? AbortSignal.any([time, request.signal]) : time
  try {
    return await Promise.race([ask(outbound, target, request, signal), aborted(signal)])
  } catch (error) {
    if (request.signal?.aborted) throw new OutboundError('aborted', 'it was given up', error)
    if (time.aborted) throw new OutboundError('timed_out', `no answer within ${request.timeoutMs} ms`, error)
    if (error instanceof OutboundError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw new OutboundError('unreachable', code ?? message, error)
  }
}
