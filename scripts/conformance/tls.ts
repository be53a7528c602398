// https in front of the suite and of the provider: a certificate made for this run, and a proxy that ends TLS.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import type { Running } from './processes.ts'

export type Certificate = { key: string; certificate: string; certificateFile: string }

const NAMES = 'subjectAltName=DNS:localhost,IP:127.0.0.1'
/** What BCP 195 recommends of TLS 1.2, which the FAPI modules look at. */
const CIPHERS =
  'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384'

export const makeCertificate = (folder: string): Certificate => {
  const keyFile = join(folder, 'tls.key')
  const certificateFile = join(folder, 'tls.crt')
  const about = ['-subj', '/CN=localhost', '-addext', NAMES, '-days', '30']
  const into = ['-nodes', '-keyout', keyFile, '-out', certificateFile]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...about, ...into], { stdio: 'pipe' })
  return {
    key: readFileSync(keyFile, 'utf8'),
    certificate: readFileSync(certificateFile, 'utf8'),
    certificateFile,
  }
}

/** What the suite asks its proxy about the connection. */
const describeTls = ({ socket }: IncomingMessage): Record<string, string> => {
  if (!(socket instanceof TLSSocket)) return {}
  return { 'x-ssl-protocol': socket.getProtocol() ?? '', 'x-ssl-cipher': socket.getCipher().standardName }
}

const forward = (
  publicPort: number,
  port: number,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void => {
  const host = incoming.headers.host ?? `localhost:${publicPort}`
  const headers = {
    ...incoming.headers,
    ...describeTls(incoming),
    host,
    'x-forwarded-for': incoming.socket.remoteAddress,
    'x-forwarded-proto': 'https',
    'x-forwarded-host': host,
    'x-forwarded-port': String(publicPort),
  }
  const { method, url: path } = incoming
  const onward = request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(outgoing)
  })
  onward.on('error', () => (outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(502).end()))
  incoming.pipe(onward)
}

/** Ends TLS on `publicPort` and hands everything to `port`, as the proxy of a real installation would. */
export const startTlsProxy = async (
  { key, certificate }: Certificate,
  publicPort: number,
  port: number,
): Promise<Running> => {
  const options = { key, cert: certificate, minVersion: 'TLSv1.2', ciphers: CIPHERS } as const
  const server = createServer(options, (incoming, outgoing) => forward(publicPort, port, incoming, outgoing))
  server.requestTimeout = 0
  server.listen(publicPort, '127.0.0.1')
  await once(server, 'listening')
  return {
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
