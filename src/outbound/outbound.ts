// The connections to hosts that clients name. This room is the only one that makes them, and decides where they may go
// (docs/security.md, its threats); what is fetched, and when, is its callers' matter.
import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import type { Agent } from 'undici'
import { isAllowedAddress } from './address.ts'
import { OutboundError } from './outbound-error.ts'

export type Outbound = {
  /** Networks that are allowed besides the public internet. */
  allowedNetworks: readonly string[]
  /** Made at first use: most processes never fetch anything. */
  agent(): Promise<Agent>
  close(): Promise<void>
}

/** All addresses of a name, as `dns.lookup` gives them. */
export type Resolve = (
  hostname: string,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

const resolveBySystem: Resolve = (hostname, callback) => {
  systemLookup(hostname, { all: true }, callback)
}

const CONNECT_WITHIN_MS = 5_000
const CONNECTIONS_OF_A_HOST = 16
const KEPT_OPEN_MS = 4_000

/** @throws {OutboundError} address_refused */
export const requireAllowedAddress = (ip: string, allowedNetworks: readonly string[]): void => {
  if (isAllowedAddress(ip, allowedNetworks)) return
  throw new OutboundError(
    'address_refused',
    `${ip} is no public address; POSTERN_ALLOW_PRIVATE_ADDRESSES can allow it`,
  )
}

/**
 * Resolves a name when a connection is made, and gives the socket the addresses that were checked: it connects to one of
 * them, and nobody asks the name server again in between (DNS rebinding). One bad address refuses the name.
 */
const checkedLookup =
  (resolve: Resolve, allowedNetworks: readonly string[]): LookupFunction =>
  (hostname, options, callback) =>
    resolve(hostname, (error, addresses) => {
      try {
        if (error)
          throw new OutboundError('unresolvable', `${hostname} (${error.code ?? error.message})`, error)
        const [first] = addresses
        if (!first) throw new OutboundError('unresolvable', `${hostname} has no address`)
        for (const { address } of addresses) requireAllowedAddress(address, allowedNetworks)
        if (options.all) callback(null, addresses)
        else callback(null, first.address, first.family)
      } catch (refused) {
        callback(refused as OutboundError, [])
      }
    })

/** `resolve` is the system's resolver, unless a test gives another. */
export const createOutbound = (
  config: { allowedPrivateNetworks: readonly string[] },
  resolve: Resolve = resolveBySystem,
): Outbound => {
  const allowedNetworks = config.allowedPrivateNetworks
  let opened: Promise<Agent> | null = null
  const open = async (): Promise<Agent> => {
    const undici = await import('undici')
    return new undici.Agent({
      connect: { lookup: checkedLookup(resolve, allowedNetworks), timeout: CONNECT_WITHIN_MS },
      connections: CONNECTIONS_OF_A_HOST,
      keepAliveTimeout: KEPT_OPEN_MS,
      allowH2: false,
    })
  }
  return {
    allowedNetworks,
    agent() {
      opened ??= open()
      return opened
    },
    async close() {
      await (await opened)?.destroy()
    },
  }
}
