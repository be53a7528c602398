// Which addresses Postern may connect to for a client: those of the public internet, and what the operator allows. Pure.
import ipaddr from 'ipaddr.js'
import { isInNetworks } from '../wire/end-user.ts'

/** RFC 6052 2.1: an IPv4 address as networks without IPv4 reach it, in the last 32 bits. */
const NAT64 = '64:ff9b::/96'

/** RFC 4291 2.4: all that is allotted to the public internet. */
const GLOBAL_UNICAST = '2000::/3'

/**
 * True for an address of the public internet. False for every special one (loopback, private, link-local, shared,
 * multicast, reserved, tunnels …), also where it is written as an IPv6 address.
 */
export const isPublicAddress = (ip: string): boolean => {
  if (!ipaddr.isValid(ip)) return false
  const address = ipaddr.process(ip)
  if (isInNetworks(ip, [NAT64])) {
    return isPublicAddress(ipaddr.fromByteArray(address.toByteArray().slice(12)).toString())
  }
  if (address.range() !== 'unicast') return false
  return address.kind() === 'ipv4' || isInNetworks(ip, [GLOBAL_UNICAST])
}

/** True for a public address, or one in the networks that the operator allows besides. */
export const isAllowedAddress = (ip: string, allowedNetworks: readonly string[]): boolean =>
  isPublicAddress(ip) || isInNetworks(ip, allowedNetworks)
