// Whether people may create accounts themselves. Pure.
import type { Deps } from '../../deps.ts'

/** The policy allows it, and there is a mail server, which a later start may have been given no longer. */
export const isRegistrationOpen = ({ policy, config }: Pick<Deps, 'policy' | 'config'>): boolean =>
  policy.current().self_registration && config.mail !== null
