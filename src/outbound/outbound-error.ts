/** Why nothing came from a host that a client named. Goes to logs and administrators. */
export type OutboundReason =
  /** Neither https, nor http to this machine; or with a password in it. */
  | 'url_refused'
  /** A private or special address that the operator does not allow. */
  | 'address_refused'
  | 'unresolvable'
  | 'unreachable'
  | 'timed_out'
  | 'redirected'
  | 'too_large'
  /** The caller gave it up. */
  | 'aborted'

export class OutboundError extends Error {
  override readonly name = 'OutboundError'
  readonly reason: OutboundReason

  constructor(reason: OutboundReason, detail: string, cause?: unknown) {
    super(`${reason}: ${detail}`, { cause })
    this.reason = reason
  }
}
