// The OpenID Foundation's conformance suite against Postern: builds it from a checkout, starts what it needs, runs
// the plans, answers the pages as a person would, and writes docs/conformance.md.
//
// Exits with 1 where a module failed, or has a warning that scripts/conformance/explanations.json does not explain.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildSuite } from './conformance/build-suite.ts'
import { startPeer } from './conformance/peer.ts'
import { type Clients, PLANS, type Plan, wantClients } from './conformance/plans.ts'
import { startPostern } from './conformance/postern.ts'
import type { Running } from './conformance/processes.ts'
import type { Provider } from './conformance/provider.ts'
import { writeReport } from './conformance/report.ts'
import { ConformanceError, checkRequirements } from './conformance/requirements.ts'
import { type PlanOutcome, runPlan } from './conformance/run-plan.ts'
import { startSuite } from './conformance/suite.ts'
import { makeCertificate } from './conformance/tls.ts'
import { openBrowser } from './conformance/visits.ts'

const USAGE = `Usage: npm run conformance -- --suite DIR [--plan NAME …] [--module NAME …] [--peer oidc-provider] [--keep]

  --suite DIR   a checkout of github.com/openid-certification/conformance-suite
  --plan NAME   only the plans whose name contains this; all of them by default
  --module NAME only the modules whose name contains this
  --peer oidc-provider   that one in place of Postern: what is red there too is no defect of Postern's
  --keep        keeps the folder of the run, with logs and pictures

Only a run of all plans against Postern writes docs/conformance.md.`

const readOptions = () => {
  try {
    const { values } = parseArgs({
      options: {
        suite: { type: 'string' },
        plan: { type: 'string', multiple: true },
        module: { type: 'string', multiple: true },
        peer: { type: 'string' },
        keep: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    return { ...values, plan: values.plan ?? [], module: values.module ?? [] }
  } catch (error) {
    throw new ConformanceError(`${(error as Error).message}\n\n${USAGE}`)
  }
}
type Options = ReturnType<typeof readOptions>

const choosePlans = ({ plan: names }: Options): Plan[] => {
  const chosen = PLANS.filter(({ name }) => names.length === 0 || names.some((part) => name.includes(part)))
  if (chosen.length > 0) return chosen
  throw new ConformanceError(
    `There is no such plan. There are:\n${PLANS.map(({ name }) => `  ${name}`).join('\n')}`,
  )
}

const startProvider = (
  options: Options,
  folder: string,
  certificate: ReturnType<typeof makeCertificate>,
  clients: Clients,
): Promise<Provider> => {
  if (options.peer === undefined) return startPostern(folder, certificate, clients.wanted)
  if (options.peer === 'oidc-provider') return startPeer(folder, certificate, clients.wanted)
  throw new ConformanceError('The only peer is oidc-provider.')
}

const runAll = async (options: Options, plans: Plan[], folder: string): Promise<void> => {
  const built = buildSuite(resolve(options.suite ?? ''))
  const certificate = makeCertificate(folder)
  const started: Running[] = []
  try {
    const suite = await startSuite(built, folder, certificate)
    started.push(suite)
    const clients = await wantClients(suite.url)
    const provider = await startProvider(options, folder, certificate, clients)
    started.push(provider)
    const browser = await openBrowser()
    started.push({ stop: () => browser.close() })
    console.log(`${provider.name} ${provider.version} under the conformance suite ${built.version}\n`)
    const outcomes: PlanOutcome[] = []
    for (const plan of plans)
      outcomes.push(await runPlan({ suite, provider, browser, folder }, plan, clients, options.module))
    const whole = plans.length === PLANS.length && options.module.length === 0 && !options.peer
    if (writeReport({ built, provider, outcomes, whole }) > 0) process.exitCode = 1
  } finally {
    for (const running of started.reverse()) await running.stop()
  }
}

const main = async (): Promise<void> => {
  const options = readOptions()
  if (options.help) return console.log(USAGE)
  checkRequirements(options.suite ?? '')
  const plans = choosePlans(options)
  // Its certificate is made for this run, and nobody has signed it.
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  const folder = mkdtempSync(join(tmpdir(), 'postern-conformance-'))
  try {
    await runAll(options, plans, folder)
  } finally {
    if (options.keep) console.log(`Logs and pictures: ${folder}`)
    else rmSync(folder, { recursive: true, force: true })
  }
}

process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))
try {
  await main()
} catch (error) {
  console.error(error instanceof ConformanceError ? error.message : (error as Error).stack)
  process.exitCode = 1
}
