// Prepares the requests of another checkout, by that checkout's own code: `prepare-other.ts
// <checkout> <accounts> <scenarios>`, over IPC; first says which of the scenarios it has.
import { pathToFileURL } from 'node:url'

const [, , checkout = '', accounts, asked = ''] = process.argv
const imported = (path: string) => import(pathToFileURL(`${checkout}/bench/${path}`).href)
const [{ openBench }, { SCENARIOS }]: [typeof import('./prepare.ts'), typeof import('./scenarios.ts')] =
  await Promise.all([imported('prepare.ts'), imported('scenarios.ts')])

const environment = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
)
const bench = await openBench(environment, Number(accounts))

// A version that has no such variant of a path is asked what the path is: P2 for P2c.
const scenarioOf = (name: string) =>
  SCENARIOS.find((one) => one.name === name) ?? SCENARIOS.find((one) => name.startsWith(one.name))

process.on('message', async ({ name, count }: { name: string; count: number }) => {
  const scenario = scenarioOf(name)
  if (!scenario) throw new Error(`${checkout} has no scenario ${name}`)
  process.send?.(await scenario.prepare(bench, count))
})
process.once('disconnect', () => process.exit(0))
process.send?.(asked.split(',').filter(scenarioOf))
