import type { Deps } from '../deps.ts'

type Check = { status: 'up' | 'down'; kind: string }
export type Readiness = { status: 'ready' | 'not_ready'; postgres: Check; redis: Check; signing_keys: Check }

const check = async (kind: string, ask: () => Promise<unknown>): Promise<Check> => {
  try {
    await ask()
    return { status: 'up', kind }
  } catch {
    return { status: 'down', kind }
  }
}

/** Checks each dependency, within its own time limit. */
export const checkReadiness = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'signingKeys' | 'clock'>,
): Promise<Readiness> => {
  const [postgres, redis, signingKeys] = await Promise.all([
    check(deps.postgres.kind, () => deps.postgres.ping()),
    check(deps.ephemeral.kind, () => deps.ephemeral.ping()),
    check('ES256', async () => deps.signingKeys.current(deps.clock())),
  ])
  const ready = [postgres, redis, signingKeys].every(({ status }) => status === 'up')
  return { status: ready ? 'ready' : 'not_ready', postgres, redis, signing_keys: signingKeys }
}
