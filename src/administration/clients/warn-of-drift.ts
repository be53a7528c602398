import { type Client, isDeclared } from '../../clients/client.ts'
import type { Deps } from '../../deps.ts'

/** Logs that a declared client is no longer what the clients file says. */
export const warnOfDrift = (deps: Pick<Deps, 'log'>, client: Client, members: readonly string[]): void => {
  if (!isDeclared(client)) return
  deps.log.warn(
    { clientId: client.clientId, members },
    'a client that the clients file declares was changed otherwise; the file wins when it is next applied',
  )
}
