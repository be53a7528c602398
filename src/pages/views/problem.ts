// What can go wrong on a page, as the flows name it. A language has the words for each.

export type Problem =
  | { kind: 'invalid_credentials' }
  | { kind: 'too_many_attempts'; retryAfterSeconds: number }
  | { kind: 'account_disabled' }
  | { kind: 'account_locked'; until: Date }
  | { kind: 'username_missing' }
  | { kind: 'password_missing' }
  | { kind: 'code_missing' }
  | { kind: 'invalid_code' }
  | { kind: 'invalid_recovery_code' }
  /** Not the shape of a code: nothing was counted. */
  | { kind: 'malformed_code' }
  /** At the confirmation of a new authenticator: the code does not fit the secret that was shown. */
  | { kind: 'code_does_not_fit' }
  | { kind: 'wrong_password' }
  | { kind: 'choice_missing' }
  /** The box "I have saved them" was not ticked. */
  | { kind: 'not_saved' }
  /** Of a registration: not the one in the mail. */
  | { kind: 'wrong_mail_code' }
  /** Confirmed before, expired, or its code was tried too often. */
  | { kind: 'registration_over' }
  /** Somebody else has taken the user name or the address meanwhile. */
  | { kind: 'registration_taken' }
  | { kind: 'form_expired' }
  | { kind: 'cookies_missing' }
  | { kind: 'timed_out' }
  | { kind: 'temporarily_unavailable' }
  | { kind: 'foreign_origin' }
  /** The application's request is wrong, and there is nowhere safe to send the person back to. */
  | { kind: 'invalid_request' }
  | { kind: 'access_denied' }
  | { kind: 'not_found' }
  | { kind: 'unexpected' }

export type ProblemKind = Problem['kind']

/** The field that a problem is about, by its name; null where it is about the whole page. */
export const fieldOf = ({ kind }: Problem): string | null => {
  if (kind === 'username_missing') return 'username'
  if (kind === 'password_missing' || kind === 'wrong_password') return 'password'
  if (kind === 'not_saved') return 'saved'
  return /code/.test(kind) ? 'code' : null
}
