// What a request says of where it comes from: addresses, networks (over ipaddr.js) and user agents. Pure.
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** The network that throttles count by: an IPv4 address itself, an IPv6 /64 (one household or host). */
export const throttledNetwork = (ip: string): string => {
  if (!ipaddr.isValid(ip)) return ip
  const address = ipaddr.process(ip)
  if (address.kind() === 'ipv4') return address.toString()
  return `${new ipaddr.IPv6([...address.toByteArray().slice(0, 8), ...Array<number>(8).fill(0)]).toString()}/64`
}

/** True for one IP address as PostgreSQL would take it: in full, without a port, a zone or a prefix length. */
export const isAddress = (text: string): boolean => isIP(text) !== 0 && !text.includes('%')

/** True for an IP address, or one with a prefix length (CIDR). */
export const isNetwork = (value: string): boolean => ipaddr.isValid(value) || ipaddr.isValidCIDR(value)

/** True if `ip` lies in one of `networks`. */
export const isInNetworks = (ip: string, networks: readonly string[]): boolean => {
  if (!ipaddr.isValid(ip)) return false
  const address = ipaddr.process(ip)
  return networks.some((network) => {
    const [range, prefix] = ipaddr.isValidCIDR(network)
      ? ipaddr.parseCIDR(network)
      : ([ipaddr.process(network), 128] as const)
    if (range.kind() !== address.kind()) return false
    return address.match(range, range.kind() === 'ipv4' ? Math.min(prefix, 32) : prefix)
  })
}

const MAX_CHARACTERS = 256

/** The longest user agent that a request may have; it is more than is kept, because some are long. */
export const USER_AGENT_LENGTH = 4096

/** Cut between two characters: half of one is no text to PostgreSQL. Null where there is none. */
export const cutUserAgent = (text: string | undefined): string | null => {
  if (!text) return null
  if (text.length <= MAX_CHARACTERS) return text.toWellFormed()
  const start = text.slice(0, 2 * MAX_CHARACTERS).toWellFormed()
  return [...start].slice(0, MAX_CHARACTERS).join('')
}
