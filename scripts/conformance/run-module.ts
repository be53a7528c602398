// One module from its creation to its result.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, BrowserContext } from 'playwright-core'
import type { Person, Provider } from './provider.ts'
import type { LogEntry, ModuleEntry, ModuleResult, Suite, Visit } from './suite.ts'
import { openContext, visit } from './visits.ts'

export type Stage = { suite: Suite; provider: Provider; browser: Browser; folder: string }

/** What a condition of the module said. */
export type Remark = { level: 'FAILURE' | 'WARNING'; condition: string; message: string }
export type Outcome = {
  module: string
  result: ModuleResult | 'INTERRUPTED'
  remarks: Remark[]
  log: LogEntry[]
}

/** `wanted`: what the module waited for when the picture was taken. */
type Picture = { jpeg: Buffer; wanted: string[] }
type Run = { id: string; module: string; context: BrowserContext; person: Person; picture: Picture | null }

const MODULE_WITHIN_MS = 300_000
const LOOK_EVERY_MS = 250
/** The first visit of this module is only looked at. */
const ONLY_LOOKED_AT = 'par-ensure-reused-request-uri-prior-to-auth-completion-succeeds'

const toRemarks = (log: LogEntry[]): Remark[] =>
  log.flatMap(({ result, src, msg }) =>
    result === 'FAILURE' || result === 'WARNING' ? [{ level: result, condition: src, message: msg }] : [],
  )

const nextVisit = async ({ suite }: Stage, id: string): Promise<{ visit: Visit | null; visited: number }> => {
  const { urlsWithMethod, visited } = await suite.visitsOf(id)
  return { visit: urlsWithMethod[0] ?? null, visited: visited.length }
}

const makeVisit = async (stage: Stage, run: Run, next: Visit, visited: number): Promise<void> => {
  await stage.suite.noteVisit(run.id, next.url)
  const looksOnly = run.module.endsWith(ONLY_LOOKED_AT) && visited === 0
  const provider = looksOnly ? { ...stage.provider, answerPage: async () => false } : stage.provider
  const wanted = await stage.suite.wantedPictures(run.id)
  const jpeg = await visit({ suite: stage.suite, provider }, run.context, next, run.person)
  run.picture = jpeg && { jpeg, wanted }
}

/** After the visit, so that the module has seen what came of it; some modules want a picture only where nothing came. */
const givePictures = async ({ suite, folder }: Stage, { id, module, picture }: Run): Promise<void> => {
  if (picture === null) return
  for (const wanted of await suite.wantedPictures(id)) {
    if (!picture.wanted.includes(wanted)) continue
    await suite.givePicture(id, wanted, picture.jpeg)
    writeFileSync(join(folder, `${module}.jpg`), picture.jpeg)
  }
}

const advance = async (stage: Stage, run: Run): Promise<void> => {
  const { visit: next, visited } = await nextVisit(stage, run.id)
  if (next) await makeVisit(stage, run, next, visited)
  else await givePictures(stage, run)
}

const untilDone = async (stage: Stage, run: Run): Promise<Outcome['result']> => {
  const { suite } = stage
  const deadline = Date.now() + MODULE_WITHIN_MS
  let started = false
  while (Date.now() < deadline) {
    const { status, result } = await suite.stateOf(run.id)
    if (status === 'FINISHED') return result ?? 'INTERRUPTED'
    if (status === 'INTERRUPTED') return result === 'SKIPPED' ? result : 'INTERRUPTED'
    if (status === 'CONFIGURED' && !started) {
      started = true
      await suite.startModule(run.id)
    } else if (status === 'WAITING') await advance(stage, run)
    await sleep(LOOK_EVERY_MS)
  }
  await suite.cancelModule(run.id)
  return 'INTERRUPTED'
}

export const runModule = async (stage: Stage, plan: string, entry: ModuleEntry): Promise<Outcome> => {
  const module = entry.testModule
  const person = {
    ...(await stage.provider.newPerson()),
    declines: module.endsWith('user-rejects-authentication'),
  }
  const context = await openContext(stage.browser)
  const id = await stage.suite.createModule(plan, entry)
  try {
    const result = await untilDone(stage, { id, module, context, person, picture: null })
    const log = await stage.suite.logOf(id)
    return { module, result, remarks: toRemarks(log), log }
  } finally {
    await context.close()
  }
}
