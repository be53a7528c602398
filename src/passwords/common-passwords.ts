/** True for one of the most common passwords, lower-cased. */
export type IsCommonPassword = (password: string) => boolean

/**
 * The 49,000 most common and breached passwords. Loaded when a password is first set and not at start: they
 * take 20 MB, and a replica that only signs people in never needs them.
 */
export const loadCommonPasswords = async (): Promise<IsCommonPassword> => {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  const common = dictionary['passwords-common']
  // A walk through the list takes 0.1 ms, which is little compared with the hash that follows.
  return (password) => common.includes(password)
}
