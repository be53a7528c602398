// The suite itself, over an in-memory MongoDB and behind TLS, and what of its HTTP interface a run uses.
import { join } from 'node:path'
import type { BuiltSuite } from './build-suite.ts'
import { answers, freePort, type Running, start } from './processes.ts'
import { ConformanceError } from './requirements.ts'
import { type Certificate, startTlsProxy } from './tls.ts'

export type ModuleEntry = { testModule: string; variant?: Record<string, string> }
export type ModuleState = 'CREATED' | 'CONFIGURED' | 'RUNNING' | 'WAITING' | 'FINISHED' | 'INTERRUPTED'
export type ModuleResult = 'PASSED' | 'WARNING' | 'REVIEW' | 'SKIPPED' | 'FAILED'
export type LogEntry = { src: string; msg: string; result?: string; requirements?: string[] }
export type Visit = { url: string; method: string }

type Status = { browser: { urlsWithMethod: Visit[]; visited: string[] } }

/** The suite refuses what has not come over https; these calls go past the proxy. */
const BEHIND_PROXY = { 'x-forwarded-proto': 'https', 'content-type': 'application/json' }

const createCaller =
  (port: number) =>
  async <T>(method: string, path: string, query: Record<string, string> = {}, body?: string): Promise<T> => {
    const url = `http://127.0.0.1:${port}/api/${path}?${new URLSearchParams(query)}`
    const response = await fetch(url, { method, headers: BEHIND_PROXY, ...(body !== undefined && { body }) })
    const text = await response.text()
    if (!response.ok)
      throw new ConformanceError(
        `The suite answered ${response.status} to ${method} ${path}: ${text.slice(0, 400)}`,
      )
    return (text === '' ? null : JSON.parse(text)) as T
  }

const createInterface = (ask: ReturnType<typeof createCaller>) => ({
  createPlan: (planName: string, variant: object, configuration: object) =>
    ask<{ id: string; modules: ModuleEntry[] }>(
      'POST',
      'plan',
      { planName, variant: JSON.stringify(variant) },
      JSON.stringify(configuration),
    ),
  createModule: async (plan: string, { testModule: test, variant }: ModuleEntry) => {
    const query = { plan, test, ...(variant && { variant: JSON.stringify(variant) }) }
    return (await ask<{ id: string }>('POST', 'runner', query)).id
  },
  startModule: (id: string) => ask<unknown>('POST', `runner/${id}`),
  cancelModule: (id: string) => ask<unknown>('DELETE', `runner/${id}`),
  stateOf: (id: string) => ask<{ status: ModuleState; result?: ModuleResult }>('GET', `info/${id}`),
  logOf: (id: string) => ask<LogEntry[]>('GET', `log/${id}`),
  visitsOf: async (id: string) => (await ask<Status>('GET', `runner/${id}`)).browser,
  noteVisit: (id: string, url: string) => ask<unknown>('POST', `runner/browser/${id}/visit`, { url }),
  /** The pictures that the module still waits for. */
  async wantedPictures(id: string): Promise<string[]> {
    const entries = await ask<{ upload?: string; img?: string }[]>('GET', `log/${id}/images`)
    return entries.flatMap(({ upload, img }) => (upload && !img ? [upload] : []))
  },
  givePicture: (id: string, wanted: string, jpeg: Buffer) =>
    ask<unknown>(
      'POST',
      `log/${id}/images/${wanted}`,
      {},
      `data:image/jpeg;base64,${jpeg.toString('base64')}`,
    ),
})

export type Suite = ReturnType<typeof createInterface> & Running & { url: string; built: BuiltSuite }

const startMongo = async ({ mongoJars, mongoSource }: BuiltSuite, folder: string) => {
  const port = await freePort()
  const isReady = () => answersAnything(port)
  const options = ['-Xmx512m', '-cp', join(mongoJars, '*'), mongoSource, String(port)]
  const running = await start({
    name: 'MongoDB',
    command: 'java',
    options,
    log: join(folder, 'mongo.log'),
    isReady,
  })
  return { port, running }
}

const answersAnything = async (port: number): Promise<boolean> => {
  const { connect } = await import('node:net')
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true) === undefined && socket.destroy())
    socket.once('error', () => resolve(false))
  })
}

/** On 127.0.0.1, where the provider is on localhost: to a browser they are two sites, as they are in real life. */
export const startSuite = async (
  built: BuiltSuite,
  folder: string,
  certificate: Certificate,
): Promise<Suite> => {
  const mongo = await startMongo(built, folder)
  const [port, publicPort] = [await freePort(), await freePort()]
  const url = `https://127.0.0.1:${publicPort}`
  const proxy = await startTlsProxy(certificate, publicPort, port)
  const settings = {
    'fintechlabs.base_url': url,
    'fintechlabs.base_mtls_url': url,
    'fintechlabs.devmode': 'true',
    'fintechlabs.startredir': 'false',
    'spring.mongodb.uri': `mongodb://127.0.0.1:${mongo.port}/test_suite`,
    'openid.mongodb.targetFeatureCompatibilityVersion': '',
    'server.address': '127.0.0.1',
    'server.port': String(port),
  }
  const java = ['-Xmx1g', '-Djdk.tls.maxHandshakeMessageSize=65536', '-jar', built.jar]
  const running = await start({
    name: 'The conformance suite',
    command: 'java',
    options: [...java, ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`)],
    log: join(folder, 'suite.log'),
    isReady: () => answers(`http://127.0.0.1:${port}/api/plan?length=1`, BEHIND_PROXY),
  })
  return {
    ...createInterface(createCaller(port)),
    url,
    built,
    async stop() {
      await running.stop()
      await mongo.running.stop()
      await proxy.stop()
    },
  }
}
