// One plan, module by module, with a line for each as it ends.
import { styleText } from 'node:util'
import { explain, isBad } from './explanations.ts'
import { type Clients, configurePlan, type Plan } from './plans.ts'
import { type Outcome, runModule, type Stage } from './run-module.ts'
import type { ModuleEntry } from './suite.ts'

export type PlanOutcome = { plan: Plan; outcomes: Outcome[] }

const COLOURS = {
  PASSED: 'green',
  REVIEW: 'green',
  SKIPPED: 'cyan',
  WARNING: 'yellow',
  FAILED: 'red',
  INTERRUPTED: 'red',
} as const

const userinfoOf = async (discoveryUrl: string): Promise<string> => {
  const document = await (await fetch(discoveryUrl)).json()
  return String((document as Record<string, unknown>).userinfo_endpoint)
}

const print = (outcome: Outcome, seconds: number): void => {
  const result = styleText(COLOURS[outcome.result], outcome.result.padEnd(11))
  console.log(`  ${result} ${outcome.module} ${styleText('dim', `${seconds} s`)}`)
  for (const { level, condition, message } of outcome.remarks) {
    console.log(`    ${level} ${condition}: ${message}`)
  }
  const explanation = explain(outcome)
  if (explanation) console.log(styleText('dim', `    ${explanation}`))
  else if (isBad(outcome)) console.log('    not explained')
}

export const runPlan = async (
  stage: Stage,
  plan: Plan,
  clients: Clients,
  onlyModules: string[],
): Promise<PlanOutcome> => {
  console.log(styleText('bold', `${plan.title}: ${plan.name}`))
  const configuration = configurePlan(
    plan,
    stage.provider,
    clients,
    await userinfoOf(stage.provider.discoveryUrl),
  )
  const { id, modules } = await stage.suite.createPlan(plan.name, plan.variant, configuration)
  const isWanted = ({ testModule }: ModuleEntry) =>
    onlyModules.length === 0 || onlyModules.some((part) => testModule.includes(part))
  const outcomes: Outcome[] = []
  for (const entry of modules.filter(isWanted)) {
    const startedMs = Date.now()
    const outcome = await runModule(stage, id, entry)
    outcomes.push(outcome)
    print(outcome, Math.round((Date.now() - startedMs) / 1000))
  }
  return { plan, outcomes }
}
